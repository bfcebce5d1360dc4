"""Write specs as they are usually written: blanks, order of sections, lines of at most 110 columns.

What a spec says does not change, and no comment is lost or moved away from what it is about. Exit code 0;
with --check 1 where a spec would change; 1 as well where one cannot be read, which is left untouched.
"""

from __future__ import annotations

import argparse
import codecs
import os
import sys
import tempfile
from difflib import unified_diff
from pathlib import Path

from netdsl.cli.arguments import Parser
from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, fault
from netdsl.diagnostics.render import render_all, style_for
from netdsl.language.document import read_document
from netdsl.language.format import format_spec
from netdsl.language.yaml_text import LARGEST_FILE
from netdsl.records import record
from netdsl.specs import find_spec, open_extended

STANDARD_INPUT = "-"


@record
class Formatted:
    """A spec before and after."""

    name: str
    before: str
    after: str
    newline: str
    """What its lines end with."""
    changes: bool
    """Whether a byte of it would be another."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument(
        "specs", nargs="+", metavar="SPEC", help="a file; `-` reads standard input and writes standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if a spec would change"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def run(options: argparse.Namespace) -> int:
    """Formats each spec; one that is wrong keeps none of the others from it."""
    wrong: list[Diagnostic] = []
    exit_code, changing = 0, 0
    for spec in options.specs:
        try:
            formatted = format_input() if spec == STANDARD_INPUT else format_file(spec)
            changing += formatted.changes
            deliver(formatted, is_check=options.check, is_diff=options.diff)
        except Faults as faults:
            wrong += faults.diagnostics
            exit_code = max(exit_code, faults.exit_code)
    print(render_all(wrong, style_for(sys.stderr)), end="", file=sys.stderr)
    return max(exit_code, 1 if options.check and changing else 0)


def format_file(spec: str) -> Formatted:
    """A file's text, formatted.

    Raises:
        Faults: there is no such file, or it is no spec.
    """
    path = Path(spec)
    if spec.isidentifier() and not path.exists():
        help = "name a file: specs that come with netdsl are copied before they are changed"
        raise fault("missing-spec", f"there is no file `{spec}`", help=help)
    source = find_spec(path)
    return formatted_of(source, path.read_bytes())


def format_input() -> Formatted:
    """Standard input, formatted.

    Raises:
        Faults: it is no spec.
    """
    data = sys.stdin.buffer.read(4 * LARGEST_FILE + 1)
    try:
        text = codecs.decode(data, "utf-8-sig")
    except UnicodeDecodeError:
        message = "standard input is not text in UTF-8"
        raise fault("not-text", message, exit_code=1, help="save it as UTF-8") from None
    return formatted_of(Source("<stdin>", text.replace("\r\n", "\n").replace("\r", "\n")), data)


def formatted_of(source: Source, data: bytes) -> Formatted:
    """A text, formatted.

    Args:
        source: the text, its lines ending in `\\n`.
        data: the bytes it was read from.

    Raises:
        Faults: it is no spec; of one that is, other faults are left to `netdsl check`.
    """
    found = Collector()
    read_document(source, open_extended, found)
    if found.has_errors:
        raise Faults(found)
    after = format_spec(source)
    newline = "\r\n" if b"\r\n" in data else "\n"
    return Formatted(source.name, source.text, after, newline, encoded(after, newline) != data)


def encoded(text: str, newline: str) -> bytes:
    return text.replace("\n", newline).encode()


def deliver(formatted: Formatted, *, is_check: bool, is_diff: bool) -> None:
    """Writes what was formatted, or says what would change."""
    if is_diff:
        print(diff(formatted), end="")
    elif formatted.name == "<stdin>" and not is_check:
        sys.stdout.write(formatted.after)
    elif formatted.changes and is_check:
        print(f"would format {formatted.name}")
    elif formatted.changes:
        replace_file(Path(formatted.name), encoded(formatted.after, formatted.newline))
        print(f"formatted {formatted.name}")


def diff(formatted: Formatted) -> str:
    """The changes as `diff -u` shows them."""
    before, after = (text.splitlines(keepends=True) for text in (formatted.before, formatted.after))
    lines = unified_diff(before, after, formatted.name, formatted.name)
    return "".join(_ended(line) for line in lines)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def replace_file(path: Path, data: bytes) -> None:
    """Puts other bytes into the place of a file's, at once or not at all; its permissions stay.

    Raises:
        Faults: it cannot be written.
    """
    target = path.resolve()  # a link stays one
    try:
        mode = target.stat().st_mode
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}"
        help = "name a file in a folder that exists and is yours"
        raise fault("unwritable-file", message, help=help) from None
