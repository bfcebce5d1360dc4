"""Random specs for the printer: blocks in every combination, on values that are only there to be told apart.

Layers keep height and width, so that nearly everything fits together; what does not is refused by the
checker and passed over. Parameters, conditions, repeats, captured tensors, layer-valued parameters, shared
modules and heads are drawn often, since they are what printing is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

COMPARISONS = ("==", ">", "<=")
GIVEN_LAYERS = (
    "relu",
    "silu",
    "leaky_relu(0.1)",
    "(conv(4, 1) -> relu)",
    "batchnorm",
    "conv(4, 3, padding=1)",
)


@dataclass
class _Names:
    """What an expression may use where it stands."""

    numbers: Sequence[str]
    layers: Sequence[str] = ()
    blocks: dict[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    """The blocks declared so far with their parameters: numbers, then layers."""
    has_shared: bool = False


@st.composite
def specs(draw: DrawFn) -> str:
    """The text of a spec."""
    parameters = [f"p{number}" for number in range(draw(st.integers(0, 2)))]
    has_shared = draw(st.booleans())
    lines = ["name: drawn", f"input: [{draw(st.integers(3, 4))}, 5, 5]"]
    if parameters:
        given = (f"{name}: {draw(st.integers(2, 4))}" for name in parameters)
        lines.append(f"params: {{{', '.join(given)}}}")
    blocks: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    lines.append("blocks:")
    for letter in "abc"[: draw(st.integers(1, 3))]:
        numbers = draw(st.sampled_from([("c",), ("c", "s"), (), ("c", "n")]))
        layers = draw(st.sampled_from([(), (), ("f",), ("act",)]))
        names = _Names(numbers, layers, dict(blocks), has_shared and draw(st.booleans()))
        lines += _block(draw, f"block_{letter}", names)
        blocks[f"block_{letter}"] = (numbers, layers)
    if has_shared:
        lines += ["shared:", "  core: conv(4, 3, padding=1) -> relu"]
    return "\n".join([*lines, *_net(draw, _Names(parameters, (), blocks, has_shared))]) + "\n"


def _block(draw: DrawFn, name: str, names: _Names) -> list[str]:
    parameters = (*names.numbers, *names.layers)
    signature = f"{name}({', '.join(parameters)})" if parameters else name
    if draw(st.integers(0, 3)) > 0:
        return [f"  {signature}: {_expression(draw, 3, names)}"]
    steps = (_expression(draw, depth, names) for depth in (2, 1, 1))
    one, two, three = steps
    return [f"  {signature}:", f"    one: {one}", f"    two: {two}", f"    three: from(one) | ({three})"]


def _net(draw: DrawFn, names: _Names) -> list[str]:
    lines = ["net:"]
    count = draw(st.integers(2, 4))
    for number in range(count):
        body = _expression(draw, 3, names)
        if number and draw(st.booleans()):
            body = f"({body}) | from(s{draw(st.integers(0, number - 1))})"
        lines.append(f"  s{number}: {body}")
    if draw(st.booleans()):
        keep = "true" if draw(st.booleans()) else "false"
        at, body = f"s{draw(st.integers(0, count - 1))}", _expression(draw, 2, names)
        lines += [
            "heads:",
            "  aux:",
            f"    at: {at}",
            "    weight: 0.5",
            f"    keep: {keep}",
            f"    net: {body}",
        ]
    return lines


def _number(draw: DrawFn, names: _Names) -> str:
    options = ["2", "4", "6", "x.c", "x.c + 2", "2*x.c"]
    for name in names.numbers:
        doubled = f"{name}*2 - 2 if {name} > 3 else {name}"
        options += [name, f"2*{name}", f"{name} + 2", f"({doubled})", f"make_divisible({name} * 1.5, 2)"]
    return draw(st.sampled_from(options))


def _leaf(draw: DrawFn, names: _Names) -> str:
    options = [
        f'conv({_number(draw, names)}, 3, padding="same")',
        f"conv({_number(draw, names)}, 1, bias=false)",
        *("relu", "batchnorm", "dropout(0.1)", "prelu", "depthwise(3, padding=1)", "x", "id"),
        *names.layers,
        *names.layers,
    ]
    options += ["(conv(4, 1) -> core)"] if names.has_shared else []
    return draw(st.sampled_from(options))


def _expression(draw: DrawFn, depth: int, names: _Names) -> str:
    if depth == 0:
        return _leaf(draw, names)

    def inner() -> str:
        return _expression(draw, depth - 1, names)

    kind = draw(st.integers(0, 12))
    if kind <= 3:
        return f"({' -> '.join(inner() for _ in range(draw(st.integers(2, 3))))})"
    if kind == 4:
        return f"({inner()} | {inner()})"
    if kind == 5:
        channels = _number(draw, names)
        return f"(({inner()} -> conv({channels}, 1)) + ({inner()} -> conv({channels}, 1)))"
    if kind == 6:
        return f"(conv(4, 1) * ({inner()} -> conv(4, 1) -> sigmoid))"
    if kind == 7:
        counts = ["2", "3", *(f"({name} {change})" for name in names.numbers for change in ("- 1", "// 2"))]
        return f"({inner()})*{draw(st.sampled_from(counts))}"
    if kind == 8:
        return f"({inner()} if {_condition(draw, names)} else {inner()})"
    if kind == 9:
        return f"concat(conv(n, 1) -> {inner()} for n in ({draw(st.integers(2, 3))}, 4))"
    if kind == 10:
        return (
            f"(conv(({_number(draw, names)}) + n, 1) -> {inner()} for n in range({draw(st.integers(2, 3))}))"
        )
    if not names.blocks:
        return inner()
    return _use(draw, names)


def _condition(draw: DrawFn, names: _Names) -> str:
    if not names.numbers:
        return "x.c == 4"
    name, comparison = draw(st.sampled_from(names.numbers)), draw(st.sampled_from(COMPARISONS))
    also = f" and x.c == {_number(draw, names)}" if draw(st.booleans()) else ""
    return f"{name} {comparison} {draw(st.sampled_from([1, 2, 4]))}{also}"


def _use(draw: DrawFn, names: _Names) -> str:
    name = draw(st.sampled_from(sorted(names.blocks)))
    numbers, layers = names.blocks[name]
    arguments = [draw(st.sampled_from(["1", "2", "4", _number(draw, names)])) for _ in numbers]
    arguments += [draw(st.sampled_from([*GIVEN_LAYERS, *names.layers])) for _ in layers]
    return f"{name}({', '.join(arguments)})" if arguments else name
