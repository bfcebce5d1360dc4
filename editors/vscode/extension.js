// Starts `netdsl lsp` for the files that are specs and lets VS Code talk to it.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const settings = vscode.workspace.getConfiguration("netdsl");
  const [command, ...args] = settings.get("command");
  const documentSelector = settings.get("files").map((pattern) => ({ scheme: "file", pattern }));
  client = new LanguageClient("netdsl", "netdsl", { command, args }, { documentSelector });
  return client.start();
}

function deactivate() {
  return client ? client.stop() : undefined;
}

module.exports = { activate, deactivate };
