"""A whole session with the language server, as an editor has one: a process that is spoken to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any

import pytest

URI = "file:///tmp/net.yaml"
TEXT = """\
name: net
input: [3, 32, 32]
blocks:
  unit(c): conv(c, 3) -> relu
net:
  stem: unit(16)
  body: unit(8) -> maxpol(2)
"""


class Editor:
    """The editor's side: numbered requests, notifications, and what comes back."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.input: IO[bytes] = process.stdin
        self.output: IO[bytes] = process.stdout
        self.number = 0
        self.pushed: list[dict[str, Any]] = []

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: Any) -> Any:
        """The answer to a request; what the server says meanwhile is kept in `pushed`."""
        self.number += 1
        self._send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self.pushed.append(message)

    def diagnostics(self) -> list[dict[str, Any]]:
        """The diagnostics that the server pushes next."""
        while True:
            message = self.pushed.pop(0) if self.pushed else self._receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def _send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        self.input.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.input.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self.output.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server is gone"
        message: dict[str, Any] = json.loads(self.output.read(length))
        return message


@pytest.fixture
def editor() -> Iterator[Editor]:
    """An editor that has opened the text, and says goodbye at the end."""
    command = [sys.executable, "-m", "netdsl", "lsp", "--stdio"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        made = Editor(process)
        told = made.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        for answer in ("hover", "definition", "references", "rename", "codeAction", "inlayHint"):
            assert told["capabilities"][f"{answer}Provider"]
        made.notify("initialized", {})
        document = {"uri": URI, "languageId": "yaml", "version": 1, "text": TEXT}
        made.notify("textDocument/didOpen", {"textDocument": document})
        yield made
        assert made.ask("shutdown", None) is None
        made.notify("exit", None)
        assert process.wait(20) == 0


def where(line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": URI}, "position": {"line": line, "character": character}}


def change(editor: Editor, text: str) -> None:
    params = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": text}]}
    editor.notify("textDocument/didChange", params)


def test_a_session(editor: Editor) -> None:
    (fault,) = editor.diagnostics()
    assert (fault["code"], fault["severity"], fault["source"]) == ("unknown-name", 1, "netdsl")
    assert fault["range"] == {"start": {"line": 6, "character": 19}, "end": {"line": 6, "character": 25}}
    assert fault["message"] == "`maxpol` is not known here\nhelp: did you mean `maxpool`?"

    asked = {"textDocument": {"uri": URI}, "range": fault["range"], "context": {"diagnostics": [fault]}}
    (action,) = editor.ask("textDocument/codeAction", asked)
    assert action["edit"]["changes"][URI] == [{"range": fault["range"], "newText": "maxpool"}]

    change(editor, TEXT.replace("maxpol", "maxpool"))
    assert editor.diagnostics() == []

    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    hints = editor.ask("textDocument/inlayHint", {"textDocument": {"uri": URI}, "range": whole})
    assert [(hint["position"]["line"], hint["label"]) for hint in hints] == [
        (5, "→ 16×30×30 · 448"),
        (6, "→ 8×14×14 · 1,160"),
    ]
    hover = editor.ask("textDocument/hover", where(3, 12))
    assert "`conv(16, 3)`  \n3×32×32 → 16×30×30" in hover["contents"]["value"]
    assert editor.ask("textDocument/hover", where(0, 2)) is None

    declared = {"start": {"line": 3, "character": 2}, "end": {"line": 3, "character": 6}}
    assert editor.ask("textDocument/definition", where(5, 10)) == {"uri": URI, "range": declared}
    places = editor.ask("textDocument/references", {**where(5, 10), "context": {"includeDeclaration": True}})
    assert [place["range"]["start"]["line"] for place in places] == [3, 5, 6]

    renamed = editor.ask("textDocument/rename", {**where(5, 10), "newName": "layer"})
    assert [edit["newText"] for edit in renamed["changes"][URI]] == ["layer"] * 3
    assert editor.ask("textDocument/rename", {**where(5, 10), "newName": "no name"}) is None
    (refusal,) = [message for message in editor.pushed if message["method"] == "window/showMessage"]
    assert refusal["params"]["message"] == "`no name` is no name: letters, digits and underscores"

    editor.pushed.clear()
    editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert editor.diagnostics() == []


def test_warnings_follow_after_a_pause(editor: Editor) -> None:
    editor.diagnostics()
    change(editor, TEXT.replace("unit(8) -> maxpol(2)", "conv(8, 3) -> batchnorm"))
    assert editor.diagnostics() == []
    (warning,) = editor.diagnostics()
    assert (warning["code"], warning["severity"]) == ("bias-before-norm", 2)


def test_any_text_is_taken_while_one_types(editor: Editor) -> None:
    editor.diagnostics()
    for end in range(0, len(TEXT), 7):
        change(editor, TEXT[:end] + "𝄞")
        editor.diagnostics()
        editor.ask("textDocument/hover", where(3, 12))
