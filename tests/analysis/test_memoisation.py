"""A block is worked out once for each arguments and shape, and shared: checking costs as much as the text."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Choice, Fan, Graph, Group, Network, Series, SharedUse, Use, walk
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer, Problem

ROOT = Path(__file__).parents[2]
HEAD = "name: net\ninput: [3, 32, 32]\n"


def network(text: str) -> Network:
    compilation = compile_source(Source("spec.yaml", text))
    assert compilation.network is not None, compilation.report.diagnostics
    return compilation.network


def uses(graph: Graph) -> Iterator[Use]:
    """Every use of a block in a graph, those of the blocks it uses included."""
    for node in graph.nodes:
        match node.operation:
            case Use(graph=inner) as use:
                yield use
                yield from uses(inner)
            case Group(graph=inner) | Choice(graph=inner) | SharedUse(graph=inner):
                yield from uses(inner)
            case Series(children=children) | Fan(children=children):
                for child in children:
                    yield from uses(child.graph)


def test_equal_uses_share_one_graph() -> None:
    """The very same object, in repeats, tables and rows."""
    spec = "blocks:\n  unit(c): conv(c, 3, padding=1) -> relu\n"
    found = network(HEAD + spec + "net: unit(3) -> unit(3)*5 -> (unit(c) for c in [3, 3]) -> x + unit(3)")

    assert len({id(use.graph) for use in uses(found.graph)}) == 1
    assert found.costs.layers == 18


@pytest.mark.parametrize(
    "net",
    [
        "unit(3) -> unit(4) -> unit(3)",
        "unit(4) -> unit(4)",
        "unit(3, true) -> unit(3, 1 == 1) -> unit(3, false)",
        "unit(3) -> maxpool(2) -> unit(3)",
        "unit(3, act=tanh) -> unit(3)",
    ],
)
def test_other_arguments_or_shapes_have_other_graphs(net: str) -> None:
    """Two graphs for each of these, however many uses."""
    spec = "blocks:\n  unit(c, bias=true, act=relu): conv(c, 3, padding=1, bias=bias) -> act\n"
    found = network(f"{HEAD}{spec}net: {net}")

    expected = 3 if net == "unit(3) -> unit(4) -> unit(3)" else 2
    assert len({id(use.graph) for use in uses(found.graph)}) == expected


def test_numbers_that_python_holds_for_equal_are_told_apart() -> None:
    """`true` and 1 are one key to Python, and two arguments to a layer."""
    spec = "blocks:\n  unit(bias): conv(3, 1, bias=bias)\n"
    for first, second in itertools.permutations(["true", "1", "1.0"], 2):
        source = Source("spec.yaml", f"{HEAD}{spec}net: unit({first}) -> unit({second})")
        faults = compile_source(source).report.diagnostics
        wrong = [number for number in (first, second) if number != "true"]
        assert [fault.message.rpartition(" ")[2] for fault in faults] == wrong[:1]


def layers_worked_out(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a check asks a layer whether it can take its input."""
    count = 0
    problems = Layer.problems

    def counted(layer: Layer, input: Shape) -> Iterator[Problem]:
        nonlocal count
        count += 1
        return problems(layer, input)

    with monkeypatch.context() as patch:
        patch.setattr(Layer, "problems", counted)
        network(text)
    return count


def test_a_network_of_16000_layers_costs_what_resnet50_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth is a number in the text: not one layer more is worked out, for a hundred times as many."""
    text = (ROOT / "specs" / "resnet50.yaml").read_text("utf-8")
    text = text[: text.index("claims:")]
    deep = text.replace("[3, 4, 6, 3]", "[3, 4, 1800, 3]")

    assert network(text).costs.layers == 159
    assert network(deep).costs.layers > 16_000
    assert layers_worked_out(deep, monkeypatch) == layers_worked_out(text, monkeypatch)


def test_blocks_that_double_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """2**15 layers by 15 blocks: one layer's shape."""
    blocks = "".join(f"  b{i}: b{i + 1} -> b{i + 1}\n" for i in range(15))
    text = f"{HEAD}blocks:\n{blocks}  b15: relu\nnet: b0"

    assert network(text).costs.layers == 2**15
    assert layers_worked_out(text, monkeypatch) == 1


BLOCKS = (
    "  a(c): b(c) -> relu\n",
    "  b(c): conv(c, 3, padding=1) -> d\n",
    "  d: batchnorm -> e(tanh)\n",
    "  e(f): f -> f\n",
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_order_of_blocks_changes_nothing(order: tuple[int, ...]) -> None:
    """Nor does a block that nobody uses."""
    net = "net: a(8) -> a(8)*2 -> b(4)"
    first = network(f"{HEAD}blocks:\n{''.join(BLOCKS)}{net}")
    second = network(f"{HEAD}blocks:\n  unused: conv(9, 9)\n{''.join(BLOCKS[i] for i in order)}{net}")

    assert report_of(first) == report_of(second)


def report_of(found: Network) -> list[object]:
    """All that can be seen of a network, but for where its text stands."""
    steps = [
        (step.path, str(step.node.output), repr(step.node.operation.__class__)) for step in walk(found.graph)
    ]
    return [*steps, vars(found.costs), [signature.name for signature in found.blocks]]
