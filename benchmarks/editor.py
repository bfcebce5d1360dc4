"""How soon the language server answers a keystroke in a spec of 200 lines.

Every keystroke sends the whole text, as editors do; the time is that until the faults come back. What one
would use instead, the command line, checks the same text in a process of its own.

    python benchmarks/editor.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEYSTROKES = 40
BETWEEN = 0.1
"""Seconds between keystrokes: those of a quick typist."""
URI = "file:///tmp/typed.yaml"


def spec_of(lines: int) -> str:
    """A spec of so many lines: blocks that differ, and a stage for each."""
    count = (lines - 6) // 2
    blocks = [
        f"  unit{i}(c, s=1): (conv(c, 3, stride=s, padding=1, bias=false) -> batchnorm -> relu)*{1 + i % 3}\n"
        for i in range(count)
    ]
    stages = [f"  stage{i}: unit{i}({8 + 8 * (i // 20)}) # the {i}th\n" for i in range(count)]
    return "".join(
        ["name: typed\n", "input: [3, 32, 32]\n", "blocks:\n", *blocks, "net:\n", *stages,
         "  head: global_avgpool -> flatten -> linear(10)\n"]
    )  # fmt: skip


class Server:
    """A language server, spoken to."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "netdsl", "lsp"]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def send(self, method: str, params: object, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message | ({"id": number} if number else {})).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def until(self, key: str, value: object) -> None:
        """Reads messages up to the first in which a key has a value."""
        assert self.process.stdout is not None
        while True:
            length = 0
            while line := self.process.stdout.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            if json.loads(self.process.stdout.read(length)).get(key) == value:
                return


def keystrokes(text: str) -> list[float]:
    """The time of each of some letters typed into a comment in the middle, in seconds."""
    server = Server()
    server.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
    server.until("id", 1)
    server.send("initialized", {})
    document = {"uri": URI, "languageId": "yaml", "version": 0, "text": text}
    server.send("textDocument/didOpen", {"textDocument": document})
    server.until("method", "textDocument/publishDiagnostics")
    middle = text.index("\n", text.index("  stage40"))
    times = []
    for version in range(1, KEYSTROKES + 1):
        typed = text[:middle] + "x" * version + text[middle:]
        started = time.perf_counter()
        changes = {"textDocument": {"uri": URI, "version": version}, "contentChanges": [{"text": typed}]}
        server.send("textDocument/didChange", changes)
        server.until("method", "textDocument/publishDiagnostics")
        times.append(time.perf_counter() - started)
        time.sleep(BETWEEN)
    server.process.kill()
    return times


def process(file: Path) -> float:
    """The time of `netdsl check` on a file, in seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "netdsl", "check", file], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    text = spec_of(200)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "typed.yaml"
        file.write_text(text, "utf-8")
        times = keystrokes(text)
        alone = statistics.median(process(file) for _ in range(7))
    median = statistics.median(times)
    print(
        f"keystroke in {text.count(chr(10))} lines: {median * 1e3:.0f} ms at the median, "
        f"{max(times) * 1e3:.0f} ms at most of {KEYSTROKES}; "
        f"a process each: {alone * 1e3:.0f} ms, {alone / median:.1f} × as long"
    )


if __name__ == "__main__":
    main()
