"""Literate Markdown → cases: every fenced `yaml` block is a spec, with what checking it must say as comments.

    net: conv(64, 64)   # error: 15 [kernel-larger-than-input] "does not fit into height 32"

A line's comments name the faults that begin on it: the column and words of the message where they matter. A
fault where no comment can stand is told on any line by `# error at 3:5: [code]`. A block without such
comments must be right; it may say `# output: 64×30×30`, `# params: 1,792`, `# macs: …`, `# layers: …`, and
with `# set: n=3` what the command line sets. A block without `name` or `input` gets `net` and
`[3, 32, 32]`. A block `yaml other.yaml` is a file beside the specs of its heading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netdsl.analysis.lints.choice import Lints
from netdsl.analysis.report import Report
from netdsl.compiler import check
from netdsl.diagnostics import Diagnostic

_PART = re.compile(
    r"^###? (?P<title>[^\n]*)$|^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_ERROR = re.compile(r'# error(?: at (\d+):(\d+))?:(?: (\d+))? \[([a-z-]+)\](?: "([^"]*)")?')
_WARNING = re.compile(_ERROR.pattern.replace("error", "warning"))
_FIGURE = re.compile(r"# (output|params|macs|layers): ([\d,×]+)")
_SETTING = re.compile(r"# set: (\w+)=(.*?)$", re.MULTILINE)


@dataclass(frozen=True)
class Expected:
    """A fault that a case must have."""

    line: int
    column: int | None
    code: str
    words: str

    def fits(self, found: Diagnostic) -> bool:
        """Whether a diagnostic is this fault."""
        line, column = position(found)
        return (
            (self.line, self.code) == (line, found.code)
            and self.column in (None, column)
            and self.words in found.message
        )


@dataclass(frozen=True)
class Case:
    """A spec with what is expected of it."""

    name: str
    text: str
    errors: tuple[Expected, ...]
    figures: dict[str, str]
    """`output`, `params`, `macs` and `layers` as a case writes them, without commas."""
    settings: dict[str, str]
    files: dict[str, str]
    """Other files beside it."""
    warnings: tuple[Expected, ...] = ()

    def check(self, folder: Path, lints: Lints | None = None) -> Report:
        """Checks the spec as a file in a folder."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="")
        path = folder / "spec.yaml"
        path.write_text(self.text, encoding="utf-8", newline="")
        return check(path, self.settings, lints=lints)


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases of a folder's Markdown files."""
    for path in sorted(folder.glob("*.md")):
        yield from read_page(path)


def read_page(path: Path) -> Iterator[Case]:
    """The cases of one Markdown file, called by its headings of the second and third level."""
    title, number = "", 0
    files: dict[str, str] = {}
    for part in _PART.finditer(path.read_text("utf-8")):
        if part["title"] is not None:
            title, number, files = part["title"], 0, {}
        elif part["info"].startswith("yaml "):
            files = {**files, part["info"].removeprefix("yaml "): part["text"]}
        elif part["info"] == "yaml":
            number += 1
            yield _case(f"{path.stem}: {title} ({number})", part["text"], files)


def _case(name: str, text: str, files: dict[str, str]) -> Case:
    is_spec = re.search(r"^(net|blocks|params|input|name|heads|claims|shared)\s*:", text, re.MULTILINE)
    if is_spec and not re.search(r"^(extends|name)\s*:", text, re.MULTILINE):
        text += "name: net\n"
    if is_spec and not re.search(r"^(extends|input)\s*:", text, re.MULTILINE):
        text += "input: [3, 32, 32]\n"
    errors, warnings = _expected(_ERROR, text), _expected(_WARNING, text)
    figures = {found[1]: found[2].replace(",", "") for found in _FIGURE.finditer(text)}
    settings = {found[1]: found[2].strip() for found in _SETTING.finditer(text)}
    return Case(name, text, errors, figures, settings, files, warnings)


def _expected(pattern: re.Pattern[str], text: str) -> tuple[Expected, ...]:
    return tuple(
        Expected(
            int(found[1] or text.count("\n", 0, found.start()) + 1),
            int(found[2] or found[3]) if found[2] or found[3] else None,
            found[4],
            found[5] or "",
        )
        for found in pattern.finditer(text)
    )


def position(diagnostic: Diagnostic) -> tuple[int, int]:
    """Line and column, from 1."""
    assert diagnostic.span is not None
    return diagnostic.span.source.position(diagnostic.span.start)
