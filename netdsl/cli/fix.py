"""What `netdsl check --fix` does: applies the edits of diagnostics to the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from netdsl.diagnostics import Diagnostic, Edit, Source, fault
from netdsl.diagnostics.fixes import apply, edits_of

MOST_ROUNDS = 20
"""One mistake can hide another, which shows when the first is gone; but not for ever."""

Check = Callable[[Source], Sequence[Diagnostic]]


def fix_file(path: Path, check: Check) -> int:
    """Applies what can be applied to a spec's file, and gives the number of edits.

    An edit stays only where its diagnostic goes and no error takes its place.

    Raises:
        Faults: the file cannot be written; exit code 2.
    """
    source = Source(str(path), path.read_bytes().decode("utf-8"))
    original, count = source.text, 0
    found = check(source)
    for _ in range(MOST_ROUNDS):
        better = next(_improvements(source, found, check), None)
        if better is None:
            break
        source, found = better
        count += 1
    if source.text != original:
        _write(path, source.text)
    return count


def _improvements(
    source: Source, found: Sequence[Diagnostic], check: Check
) -> Iterator[tuple[Source, Sequence[Diagnostic]]]:
    """The texts that one diagnostic's edits make, with what is found in them, where that is better."""
    for diagnostic in found:
        edits = edits_of(diagnostic)
        if not edits or any(edit.span.source is not source for edit in edits):
            continue
        changed = Source(source.name, apply(source, edits))
        rest = check(changed)
        is_gone = _alike(diagnostic, rest) < _alike(diagnostic, found)
        # errors elsewhere were hidden by this one
        if is_gone and not any(_touches(error, edits, source, changed) for error in rest):
            yield changed, rest


def _alike(diagnostic: Diagnostic, found: Sequence[Diagnostic]) -> int:
    """How often the same is said."""
    return sum((other.code, other.message) == (diagnostic.code, diagnostic.message) for other in found)


def _touches(diagnostic: Diagnostic, edits: Sequence[Edit], before: Source, after: Source) -> bool:
    """Whether an error begins where a text was edited."""
    if diagnostic.severity != "error" or diagnostic.span is None or diagnostic.span.source is not after:
        return False
    grown = len(after.text) - len(before.text)
    start = min(edit.span.start for edit in edits)
    end = max(edit.span.end for edit in edits) + max(0, grown)
    return start <= diagnostic.span.start < max(end, start + 1)


def _write(path: Path, text: str) -> None:
    """Replaces a file in one step, so that a crash leaves the old one or the new one."""
    beside = path.with_name(f".{path.name}.netdsl")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        message = f"`{path}` cannot be written: {reason}"
        raise fault(
            "unwritable-file", message, help="see whose it is, and whether its disk is full"
        ) from None
