"""What `netdsl check` says when asked: other tools' multiply-adds, activations, receptive fields, memory.

Each option adds columns to the table, or lines below it, and a key to the JSON. Nothing here is loaded or
computed unless one of them is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from netdsl import compiler
from netdsl.analysis.memory import Memory, Precision, memory_of
from netdsl.analysis.receptive_field import Field, Fields, by_path, receptive_fields
from netdsl.analysis.totals import Totals, macs_as, output_elements, values_moved
from netdsl.cli.table import Column, figure, standard_columns
from netdsl.graph.graph import Network
from netdsl.records import record
from netdsl.training.choices import Use
from netdsl.training.optimizer_state import values_per_parameter
from netdsl.training.recipe import resolve_recipe

VALUE_BYTES = 4
"""Bytes of a value for arithmetic intensity: single precision."""


@record
class Budget:
    """What memory is asked for."""

    memory: Memory
    budget: int
    """Bytes that there are."""
    batch: int
    precision: Precision
    optimizer: Use


@record
class Figures:
    """What was asked of one network."""

    network: Network
    depth: int
    macs: Totals | None
    convention: str | None
    elements: Totals | None
    moved: Totals | None
    reached: Sequence[Fields] | None
    """The steps' receptive fields."""
    budget: Budget | None


def figures_of(
    spec: str,
    network: Network,
    options: argparse.Namespace,
    replaced: Mapping[str, str],
    modules: Sequence[str],
) -> Figures:
    """What the options ask of a network without faults.

    Args:
        spec: what it was read from.
        replaced: parameters to replace.
        modules: plugins.
    """
    convention = options.macs
    return Figures(
        network,
        options.depth,
        Totals(network, macs_as(convention)) if convention else None,
        convention,
        Totals(network, output_elements) if options.activations else None,
        Totals(network, values_moved) if options.activations else None,
        receptive_fields(network, options.depth) if options.receptive_field else None,
        _budget(spec, network, options, replaced, modules) if options.memory else None,
    )


def _budget(
    spec: str,
    network: Network,
    options: argparse.Namespace,
    replaced: Mapping[str, str],
    modules: Sequence[str],
) -> Budget:
    compilation = compiler.compile_spec(spec, replaced, modules, to_print=False)
    train = compilation.spec.train if compilation.spec else None
    recipe = resolve_recipe(train, compilation.parameters, {})
    precision: Precision = options.precision or "fp32"
    memory = memory_of(network, precision, values_per_parameter(recipe.optimizer))
    return Budget(memory, options.memory, options.batch or recipe.batch, precision, recipe.optimizer)


# The table


def columns_of_figures(asked: Figures) -> tuple[Column, ...]:
    """The standard columns, with those that were asked for."""
    output, parameters, macs = standard_columns(asked.network)
    if asked.macs is not None:
        macs = _sum_column(f"MACs ({asked.convention})", asked.macs, asked.depth)
    columns = [output, parameters, macs]
    if asked.elements is not None and asked.moved is not None:
        columns.append(_sum_column("activations", asked.elements, asked.depth))
        columns.append(_intensity_column(asked.network, asked.moved, asked.depth))
    if asked.reached is not None:
        columns += _field_columns(asked.reached)
    return tuple(columns)


def _sum_column(heading: str, totals: Totals, depth: int) -> Column:
    found = totals.by_path(depth)
    return Column(heading, lambda row: figure(found.get(row.path, 0) * row.members), figure(totals.total))


def _intensity_column(network: Network, moved: Totals, depth: int) -> Column:
    found = moved.by_path(depth)
    return Column(
        "MACs/byte",
        lambda row: _ratio(row.costs.macs, found.get(row.path, 0) * row.members),
        _ratio(network.costs.macs, moved.total),
    )


def _ratio(macs: int, values: int) -> str:
    return f"{macs / (VALUE_BYTES * values):.2f}" if macs else ""


def _field_columns(fields: Sequence[Fields]) -> Iterator[Column]:
    found = by_path(fields)

    def column(heading: str, spell: Callable[[Sequence[Field]], str]) -> Column:
        # heads that are only for training have none, nor has what is repeated 0 times
        return Column(heading, lambda row: _by_input(found[row.path], spell) if row.path in found else "", "")

    yield column("field", _size)
    yield column("stride", _stride)
    yield column("centre", _centre)


def _by_input(fields: Fields, spell: Callable[[Sequence[Field]], str]) -> str:
    """A figure along the axes of each input: `35×35`, and with the inputs' names where there are several."""
    texts = {name: spell(along) for name, along in fields.by_input.items() if along}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{name} {text}" for name, text in texts.items() if text)


def _size(along: Sequence[Field]) -> str:
    if all(field.is_global for field in along):
        return "global"
    return "×".join("global" if field.is_global else str(field.size) for field in along)


def _stride(along: Sequence[Field]) -> str:
    return _alike([field.stride for field in along])


def _centre(along: Sequence[Field]) -> str:
    return _alike([field.centre for field in along])


def _alike(numbers: Sequence[Fraction | None]) -> str:
    """One number where it is the same along all axes, `–` where there is none."""
    if all(number is None for number in numbers):
        return ""
    texts = ["–" if number is None else f"{float(number):.5g}" for number in numbers]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


# Memory below the table


def memory_text(asked: Budget) -> str:
    """The memory of a batch, and the largest batch that fits."""
    memory, budget = asked.memory, bytes_text(asked.budget)
    rows: list[Sequence[str]] = [
        ("", "parameters", "gradients", "optimizer", "activations", "total", f"batch in {budget}")
    ]
    inference = (memory.parameters, None, None, memory.live.of(asked.batch))
    activations = memory.training_activations(asked.batch)
    training = (memory.trained, memory.trained, memory.optimizer, activations)
    for name, parts in (("inference", inference), ("training", training)):
        texts = ["–" if part is None else bytes_text(part) for part in parts]
        batch = memory.largest_batch(asked.budget, training=name == "training")
        rows.append((name, *texts, bytes_text(sum(part or 0 for part in parts)), f"{batch:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    body = "".join(f"  {line}\n" for line in lines)
    head = (
        f"memory of a batch of {asked.batch:,} in {asked.precision}, with {asked.optimizer.word}: at least\n"
    )
    return f"{head}{body}  workspaces, fragmentation and buffers come on top\n"


UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def bytes_text(count: int) -> str:
    """Bytes in three digits and a unit of 1024.

    >>> bytes_text(25_769_803_776), bytes_text(1_500_000), bytes_text(12)
    ('24 GiB', '1.43 MiB', '12 B')
    """
    power = 0
    value = float(count)
    while value >= 999.5 and power < len(UNITS) - 1:
        value /= 1024
        power += 1
    return f"{value:.3g} {UNITS[power]}"


# JSON


def figures_as_json(asked: Figures) -> dict[str, Any]:
    """The keys that the options add; docs/figures.md says what each is."""
    found: dict[str, Any] = {}
    if asked.macs is not None:
        steps = asked.macs.by_path(asked.depth)
        found["macs_as"] = {"convention": asked.convention, "total": asked.macs.total, "steps": steps}
    if asked.elements is not None and asked.moved is not None:
        found["activations"] = _activations_as_json(asked, asked.elements, asked.moved)
    if asked.reached is not None:
        found["receptive_field"] = {
            path: {name: [_field_as_json(f) for f in along] for name, along in fields.by_input.items()}
            for path, fields in by_path(asked.reached).items()
        }
    if asked.budget is not None:
        found["memory"] = _memory_as_json(asked.budget)
    return found


def _activations_as_json(asked: Figures, elements: Totals, moved: Totals) -> dict[str, Any]:
    moved_by = moved.by_path(asked.depth)
    macs = Totals(asked.network, macs_as("torch"))
    macs_by = macs.by_path(asked.depth)

    def entry(values: int, moved_values: int, count: int) -> dict[str, Any]:
        moved_bytes = VALUE_BYTES * moved_values
        return {
            "elements": values,
            "bytes_moved": moved_bytes,
            "macs_per_byte": count / moved_bytes if moved_bytes else None,
        }

    steps = elements.by_path(asked.depth)
    return {
        **entry(elements.total, moved.total, macs.total),
        "steps": {path: entry(n, moved_by[path], macs_by[path]) for path, n in steps.items()},
    }


def _field_as_json(field: Field) -> dict[str, Any]:
    return {
        "axis": field.axis,
        "size": field.size,
        "global": field.is_global,
        "stride": None if field.stride is None else float(field.stride),
        "centre": None if field.centre is None else float(field.centre),
        "first": field.first,
        "last": field.last,
    }


def _memory_as_json(asked: Budget) -> dict[str, Any]:
    memory, batch = asked.memory, asked.batch
    return {
        "batch": batch,
        "precision": asked.precision,
        "optimizer": str(asked.optimizer),
        "inference": {
            "parameters": memory.parameters,
            "activations": memory.live.of(batch),
            "total": memory.inference(batch),
        },
        "training": {
            "parameters": memory.trained,
            "gradients": memory.trained,
            "optimizer": memory.optimizer,
            "kept": memory.kept.of(batch),
            "activations": memory.training_activations(batch),
            "total": memory.training(batch),
        },
        "budget": asked.budget,
        "largest_batch": {
            "inference": memory.largest_batch(asked.budget, training=False),
            "training": memory.largest_batch(asked.budget, training=True),
        },
    }
