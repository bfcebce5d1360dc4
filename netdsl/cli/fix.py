"""What `netdsl check --fix` does: applies the edits of diagnostics to the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from netdsl.diagnostics import Diagnostic, Edit, Source, fault
from netdsl.diagnostics.fixes import apply, edits_of

MOST_ROUNDS = 100
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
        if is_mended(diagnostic, edits, found, rest, changed):
            yield changed, rest


def is_mended(
    diagnostic: Diagnostic,
    edits: Sequence[Edit],
    found: Sequence[Diagnostic],
    rest: Sequence[Diagnostic],
    changed: Source,
) -> bool:
    """Whether edits took a diagnostic away and put no error in its place.

    Args:
        found: what was said of the text.
        rest: what is said of the changed text. Errors elsewhere in it were hidden before.
    """
    is_gone = _alike(diagnostic, rest) < _alike(diagnostic, found) or not any(
        _is_same(diagnostic, other, edits, changed) for other in rest
    )
    # one that can be mended in turn is on the way
    return is_gone and not any(_touches(error, edits, changed) and not edits_of(error) for error in rest)


def _alike(diagnostic: Diagnostic, found: Sequence[Diagnostic]) -> int:
    """How often the same is said."""
    return sum((other.code, other.message) == (diagnostic.code, diagnostic.message) for other in found)


def _is_same(before: Diagnostic, after: Diagnostic, edits: Sequence[Edit], changed: Source) -> bool:
    """Whether a diagnostic of the changed text is an old one: it says the same of what stood there."""
    if (before.code, before.message) != (after.code, after.message):
        return False
    if before.span is None or after.span is None or after.span.source is not changed:
        return True
    start = before.span.start
    moved = sum(_growth(edit) for edit in edits if edit.span.end <= start)
    return after.span.start == start + moved


def _growth(edit: Edit) -> int:
    return len(edit.replacement) - (edit.span.end - edit.span.start)


def _touches(diagnostic: Diagnostic, edits: Sequence[Edit], changed: Source) -> bool:
    """Whether an error begins where a text was edited."""
    if diagnostic.severity != "error" or diagnostic.span is None or diagnostic.span.source is not changed:
        return False
    start = min(edit.span.start for edit in edits)
    end = max(edit.span.end for edit in edits) + sum(map(_growth, edits))
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
