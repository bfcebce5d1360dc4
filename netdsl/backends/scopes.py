"""What the names in formulas stand for: one set of values for each elaborated use of a block.

A formula is printed only where it gives the right value for every use that shares the class: that is
checked here by computing it, so that a printed class can be trusted with every argument it is called with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netdsl.graph.formula import Formula, formula_of, operand, plain, traced
from netdsl.graph.graph import Choice, Fan, Graph, Group, LayerArgument, Leaf, Node, Series, Use
from netdsl.graph.shapes import INPUT_SIZES, Shape, captured_names
from netdsl.layers.layer import Layer, TorchCall


@dataclass(frozen=True)
class Factory:
    """What makes a layer's module, as a value: `nn.ReLU`, `partial(nn.LeakyReLU, 0.1)`."""

    call: TorchCall
    formula: Formula | None = field(default=None, compare=False)
    """The parameter that holds it, where it was handed on."""


@dataclass(frozen=True, eq=False)
class Scope:
    """A block on one input with one set of arguments, or the network."""

    block: str
    """The block's name; empty for the network."""
    values: Mapping[str, Any]
    """What the names in its formulas stand for: plain values, and factories for layers."""
    layers: Mapping[str, str]
    """Its layer-valued parameters, each with the layer as text."""

    def holds(self, formula: Formula, value: Any) -> bool:
        """Whether a formula gives a value here."""
        if not formula.names() <= self.values.keys():
            return False
        try:
            found = formula.substitute(self.values)
        except (ArithmeticError, TypeError, ValueError, LookupError):
            return False  # it has no value here
        return is_same(found, value)


def is_same(left: Any, right: Any) -> bool:
    """Whether two values are printed alike: 1, 1.0 and true are not the same."""
    left, right = plain(left), plain(right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(is_same, left, right))
    return type(left) is type(right) and bool(left == right)


def formula_in(value: Any) -> Formula | None:
    """The formula that a value or a factory carries, if it says more than a number."""
    formula = _carried(value)
    settled = None if formula is None else formula.settled()
    return _unscaled(settled) if isinstance(settled, Formula) else None


def _unscaled(formula: Formula) -> Formula:
    """The formula without factors of 1.0 where a function makes a whole number of the product."""
    operands = tuple(_unscaled(part) if isinstance(part, Formula) else part for part in formula.operands)
    if formula.operator == "call" and operands[0] in ("make_divisible", "round", "floor", "ceil"):
        operands = (operands[0], _without_one(operands[1]), *operands[2:])
    return Formula(formula.operator, operands)


def _without_one(operand: Any) -> Any:
    if isinstance(operand, Formula) and operand.operator == "*":
        for factor, other in (operand.operands, operand.operands[::-1]):
            if isinstance(factor, float) and factor == 1:
                return other
    return operand


def rests_on(value: Any) -> frozenset[str]:
    """The names that a value's constants rest on, without a formula that says how."""
    formula = value if isinstance(value, Formula) else _carried(value)
    return frozenset() if formula is None else formula.rests()


def names_in(value: Any) -> frozenset[str]:
    """Every name on which a value rests in some way."""
    formula = value if isinstance(value, Formula) else _carried(value)
    return frozenset() if formula is None else formula.names() | formula.rests()


def _carried(value: Any) -> Formula | None:
    return value.formula if isinstance(value, Factory) else formula_of(value)


def outside(value: Any, graph: Graph, node: Node) -> Any:
    """A formula of a block's, or a value that carries one, in the names around a use of the block."""
    formula = value if isinstance(value, Formula) else _carried(value)
    if formula is None:
        return value
    names = {name: operand(given) for name, given in given_names(graph, node).items()}
    if isinstance(value, Formula):
        return value.substitute(names)
    if isinstance(value, Factory):
        return replace(value, formula=None)
    return traced(plain(value), formula.substitute(names))


def given_names(graph: Graph, node: Node) -> dict[str, Any]:
    """What a use of a block or of a shared module gives for the names inside: the sizes of what it takes, and
    its arguments; the name that a layer was handed on from for a layer, None for another."""
    names: dict[str, Any] = {}
    for number, value in enumerate(node.inputs):
        shape = graph.shape(value)
        words = captured_names(number) if number else INPUT_SIZES
        names |= {words[axis.name]: axis.size for axis in shape.axes if axis.name in words}
    if isinstance(node.operation, Use):
        for name, given in node.operation.arguments:
            is_layer = isinstance(given, LayerArgument)
            names[name] = given if not is_layer else Formula.name(given.origin) if given.origin else None
    return names


def torch_call(graph: Graph, node: Node) -> TorchCall:
    """The construction of a leaf's module."""
    assert isinstance(node.operation, Leaf)
    layer: Layer = node.operation.layer
    return layer.torch(graph.shape(node.inputs[0]))


def nodes_of(graph: Graph) -> Iterator[tuple[Graph, Node]]:
    """Every node whose formulas speak of the same names as the graph's own, each with its graph."""
    for node in graph.nodes:
        yield graph, node
        match node.operation:
            case Group(graph=inner) | Choice(graph=inner):
                yield from nodes_of(inner)
            case Series(children=children) | Fan(children=children):
                for child in children:
                    yield from nodes_of(child.graph)


def input_sizes(shape: Shape) -> dict[str, int]:
    """The sizes of a block's input as its formulas call them."""
    return {name: shape.size(axis) for axis, name in INPUT_SIZES.items() if axis in shape}


def numbers(arguments: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Those arguments of a block that are values rather than layers."""
    return {name: plain(value) for name, value in arguments if _is_value(value)}


def layer_texts(arguments: tuple[tuple[str, Any], ...]) -> dict[str, str]:
    """Those arguments of a block that are layers, as text."""
    return {name: value.text for name, value in arguments if isinstance(value, LayerArgument)}


def _is_value(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_value, value))
    return value is None or isinstance(value, int | float | str)


def recalled_stage(value: Any) -> str | None:
    """The stage that a block's argument recalls and does nothing else with: `from(stem)`."""
    text = value.text if isinstance(value, LayerArgument) else ""
    match = re.fullmatch(r"from\s*\(\s*(\w+)\s*\)", text)
    return match[1] if match else None


def layer_names(text: str) -> frozenset[str]:
    """What a layer that is handed on reads by name; its numbers carry no formulas where they get to.

    >>> sorted(layer_names('conv(2*c, k, padding="same") -> act'))
    ['act', 'c', 'conv', 'k']
    """
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\bfrom\s*\(\s*\w+\s*\)", "", text)
    return frozenset(re.findall(r"(?<![\w.])[A-Za-z_]\w*\b(?!\s*=[^=])", bare))


def factories(
    graphs: Sequence[Graph], arguments: tuple[tuple[str, Any], ...], scopes: Mapping[int, Scope]
) -> dict[str, Factory]:
    """The layer-valued parameters that a class can take as something to call.

    One whose layer needs no shape: wherever it is applied, the same call makes its module. Any other is part
    of the class itself.

    Args:
        scopes: those of the blocks used inside, by the identity of their graphs.
    """
    found = {}
    for name, value in arguments:
        if isinstance(value, LayerArgument):
            calls = [call for graph in graphs for call in _calls(graph, name, scopes)]
            if calls and all(call is not None and call == calls[0] for call in calls):
                assert calls[0] is not None
                found[name] = Factory(calls[0])
    return found


def _calls(graph: Graph, parameter: str, scopes: Mapping[int, Scope]) -> Iterator[TorchCall | None]:
    """The calls by which modules that came through a parameter are made; None for what is no such call."""
    for inside, node in nodes_of(graph):
        if node.origin == parameter:
            yield _shapeless_call(inside, node)
        elif isinstance(node.operation, Use):
            callee = scopes[id(node.operation.graph)]
            for name, value in node.operation.arguments:
                if isinstance(value, LayerArgument) and value.origin == parameter:
                    passed = callee.values.get(name)
                    yield passed.call if isinstance(passed, Factory) else None


def _shapeless_call(graph: Graph, node: Node) -> TorchCall | None:
    if not isinstance(node.operation, Leaf) or node.operation.layer.weights(graph.shape(node.inputs[0])):
        return None
    return torch_call(graph, node)
