"""What `netdsl check --sizes` says: for which input sizes a network is valid, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netdsl.analysis.sizes import Sizes, Sweep, describe_outputs, describe_sizes, ranges_of
from netdsl.graph.shapes import WORDS


def sizes_text(found: Sizes) -> str:
    """The answer for people: a line for each axis, or one for axes that are alike."""
    tried = found.together.tried
    rows = [("input", "valid", "output", "with the same weights")]
    alike = len({(sweep.valid, sweep.keeping_weights) for sweep in found.each}) == 1 and found.apart
    if alike:
        rows.append(_row(" and ".join(WORDS[sweep.axes[0]] for sweep in found.each), *found.each))
    else:
        rows += [_row(WORDS[sweep.axes[0]], sweep) for sweep in found.each]
    if not found.apart and len(found.each) > 1:
        rows.append(_row(" = ".join(WORDS[axis] for axis in found.together.axes), found.together))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    note = (
        "every mixture of these is valid"
        if found.apart
        else "each axis was tried with the others as declared: together they may depend on each other"
    )
    lines += [note] if len(found.each) > 1 else []
    body = "".join(f"  {line.rstrip()}\n" for line in lines)
    return f"sizes from {tried[0]} to {tried[-1]}\n{body}"


def _row(name: str, *sweeps: Sweep) -> tuple[str, str, str, str]:
    """A line for sweeps that are alike."""
    sweep = sweeps[0]
    valid = describe_sizes(sweep.valid, sweep.tried)
    keeping = describe_sizes(sweep.keeping_weights, sweep.tried)
    return name, valid, _output(sweeps), "the same" if keeping == valid else keeping


def _output(sweeps: Sequence[Sweep]) -> str:
    """The output's shape with formulas of the input's sizes, or what it is at both ends."""
    shapes = [result.output for sweep in sweeps for result in sweep.results.values()]
    if not shapes:
        return "–"
    formulas = {axis: text for sweep in sweeps for axis, text in _formulas(sweep)}
    others = {tuple(a.size for a in shape.axes if a.name not in formulas) for shape in shapes}
    known = [formulas.get(axis.name, str(int(axis.size))) for axis in shapes[0].axes]
    if len(others) == 1 and None not in known:
        return "×".join(f"({text})" if text and " " in text else str(text) for text in known)
    ends = sweeps[0].results
    return f"{next(iter(ends.values())).output} to {list(ends.values())[-1].output}"


def _formulas(sweep: Sweep) -> Iterator[tuple[str, str | None]]:
    """For each axis that was changed, how the output's size follows from it; None where no formula fits."""
    for axis in sweep.axes:
        outputs = sweep.outputs(axis)
        yield axis, describe_outputs(outputs, axis) if outputs else None


def sizes_as_json(found: Sizes) -> dict[str, Any]:
    """The answer for tools: exact ranges, first and last included."""
    return {
        "tried": [found.together.tried[0], found.together.tried[-1]],
        "independent": found.apart,
        "axes": {sweep.axes[0]: _sweep_as_json(sweep) for sweep in found.each},
        "together": _sweep_as_json(found.together),
    }


def _sweep_as_json(sweep: Sweep) -> dict[str, Any]:
    return {
        "valid": ranges_of(sweep.valid),
        "says": describe_sizes(sweep.valid, sweep.tried),
        "same_weights": ranges_of(sweep.keeping_weights),
        "output": dict(_formulas(sweep)),
    }
