"""Carry trained weights over to an edited spec, and tell what was kept, what is new and what was lost.

A run has its weights; a spec takes them from a file, or from wherever `netdsl train --init` could:

    netdsl port runs/a edited.yaml -o edited.safetensors
    netdsl port old.yaml new.yaml old.pth -o new.safetensors
    netdsl train new.yaml --init new.safetensors

Layers correspond by the names of their stages, and inside of them in their order; what has another shape is
new. Where there are two ways that keep as much, nothing is guessed: --rename says which.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.cli.arguments import Parser, add_spec_options, one_of, plugins, settings

if TYPE_CHECKING:
    from netdsl.training.porting import Ported
    from netdsl.training.weights.carrying import Carried, Kept, Unmatched


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("before", metavar="OLD", help="the folder of a run, or the spec of WEIGHTS")
    parser.add_argument("after", metavar="NEW", help="the edited spec: a file, or the name of a shipped one")
    parser.add_argument(
        "weights", metavar="WEIGHTS", nargs="?", help="those of the spec OLD, named as for `train --init`"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the .safetensors file to write"
    )
    parser.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a stage, part or layer, and what it is called in NEW; may be repeated",
    )
    add_spec_options(parser)
    parser.add_argument(
        "--set-old",
        dest="settings_before",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value for a parameter of the spec OLD, as --set is for NEW",
    )
    parser.add_argument(
        "--format",
        type=one_of("text", "json"),
        default="text",
        metavar="FORMAT",
        help="text (for people) or json (one object)",
    )


def run(options: argparse.Namespace) -> int:
    """Writes the file and prints what became of the weights."""
    modules = plugins(options.plugins)
    replaced = settings(options.settings)
    replaced_before = settings(options.settings_before, "--set-old", "NAME=VALUE")
    renamed = settings(options.rename, "--rename", "OLD=NEW")

    from netdsl.training.session import port_weights  # torch is loaded only once the command line is right

    remarks: list[str] = []
    ported = port_weights(
        options.before,
        options.after,
        options.weights,
        settings=replaced,
        settings_before=replaced_before,
        renamed=renamed,
        plugins=modules,
        say=remarks.append,
    )
    ported.write(Path(options.output))
    if options.format == "json":
        import json

        print(json.dumps(as_data(ported, options.output, remarks), ensure_ascii=False))
    else:
        print("\n".join([*remarks, *report(ported)]))
        print(f"written: begin with it by `netdsl train {options.after} --init {options.output}`")
    return 0


def report(ported: Ported) -> list[str]:
    """What became of the weights, in lines."""
    carried = ported.carried
    lines = [f"{ported.before.network.name} → {ported.after.name}, weights from {ported.before.path}"]
    kept = sum(one.parameters for one in carried.kept)
    total = kept + sum(one.parameters for one in carried.new)
    share = f" of {total:,} parameters ({100 * kept / total:.1f} %)" if total else " parameters"
    lines.append(f"kept   {layers(carried.kept)}, {kept:,}{share}")
    lines += columns(moves(carried))
    now = [one.target for one in carried.kept] + [one.name for one in carried.new]
    earlier = [one.source for one in carried.kept] + [one.name for one in carried.lost]
    for word, found, every in (("new", carried.new, now), ("lost", carried.lost, earlier)):
        if found:
            parameters = sum(one.parameters for one in found)
            lines.append(f"{word:<6} {layers(found)}, {parameters:,} parameters")
            lines += columns(gathered([(one.name, one.reason) for one in found], every))
    return lines


def layers(found: Sequence[Kept | Unmatched]) -> str:
    """How many layers."""
    return f"{len(found):,} layer{'s' * (len(found) != 1)}"


def columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of two columns."""
    width = max((len(first) for first, _ in pairs), default=0)
    return [f"         {first:<{width}}  {second}" for first, second in pairs]


def moves(carried: Carried) -> list[tuple[str, str]]:
    """What has another name or place than before, parts in one."""
    counts: dict[tuple[str, str], int] = {}
    for one in carried.kept:
        if one.source != one.target:
            pair = without_common_end(one.source, one.target)
            counts[pair] = counts.get(pair, 0) + 1
    return [
        (f"{old} → {new}", "" if count == 1 else f"{count} layers") for (old, new), count in counts.items()
    ]


def without_common_end(old: str, new: str) -> tuple[str, str]:
    """Two paths without the names that both end with.

    >>> without_common_end("body.0.conv1", "trunk.0.conv1")
    ('body', 'trunk')
    """
    before, after = old.split("."), new.split(".")
    while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return ".".join(before), ".".join(after)


def gathered(found: Sequence[tuple[str, str]], every: Iterable[str]) -> list[tuple[str, str]]:
    """Layers with reasons; a part all of whose layers have the same reason is told in one.

    Args:
        found: layers and reasons.
        every: all layers of the network.
    """
    reasons = dict(found)
    inside: dict[str, list[str]] = {}
    for name in every:
        for part in ancestors(name):
            inside.setdefault(part, []).append(name)
    told: dict[str, str] = {}
    for name, reason in found:
        part = next(part for part in ancestors(name) if {reasons.get(n) for n in inside[part]} == {reason})
        count = len(inside[part])
        told[part] = reason if count == 1 else f"{reason} ({count} layers)"
    return list(told.items())


def ancestors(name: str) -> list[str]:
    """The parts that a layer stands in, the outermost first, and the layer."""
    names = name.split(".")
    return [".".join(names[: level + 1]) for level in range(len(names))]


def as_data(ported: Ported, output: str, remarks: Sequence[str]) -> dict[str, Any]:
    """What became of the weights, as data."""
    carried = ported.carried
    return {
        "before": ported.before.network.name,
        "weights": str(ported.before.path),
        "after": ported.after.name,
        "output": output,
        "remarks": list(remarks),
        "kept": [
            {"before": one.source, "after": one.target, "params": one.parameters} for one in carried.kept
        ],
        "new": [{"layer": one.name, "params": one.parameters, "reason": one.reason} for one in carried.new],
        "lost": [{"layer": one.name, "params": one.parameters, "reason": one.reason} for one in carried.lost],
    }
