"""Which scopes of the graph become one class.

A block is elaborated once for every shape and set of arguments; in the printed source all of those should
be one class with constructor arguments. So every scope is described by its structure: its modules, how they
are wired, but none of the numbers. Scopes of one block with the same structure are the instances of one
variant, and a variant is printed as a class. Where a condition chose between layers, an instance knows one
side only; two instances then agree if they agree on the sides both know.

    conv_bn(64, 7, s=2) on 3×224×224   ┐
    conv_bn(64, 1) on 64×56×56         ┘→   one variant: class ConvBn(in_channels, c, k, s=1)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netdsl.backends.arguments import is_progression, is_steady
from netdsl.backends.equalities import Equalities
from netdsl.backends.naming import input_variables
from netdsl.backends.scopes import (
    Factory,
    Scope,
    factories,
    input_sizes,
    layer_texts,
    nodes_of,
    numbers,
    recalled_stage,
    torch_call,
)
from netdsl.backends.structures import Layouts, Structure, merged_structure
from netdsl.backends.wiring import Wiring, channel_axis
from netdsl.graph.formula import Formula, plain
from netdsl.graph.graph import (
    Choice,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    Network,
    Node,
    Series,
    SharedUse,
    Use,
)

Place = tuple[str, ...]
"""Where a scope stands: the block, then the names inside of it."""


NETWORK: Place = ("",)
"""The place of the network itself."""

MEMBER = "*"
"""In a place: some member of a series or a fan."""


@dataclass(eq=False)
class Variant:
    """Scopes that become one class."""

    place: Place
    """The block's name alone; for a stage or another scope inside of a block, its names as well."""
    structure: Structure
    graphs: list[Graph] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    """What the names stand for in each of the graphs."""
    numbers: dict[tuple[int, int], int] = field(default_factory=dict)
    """The number of an instance by the identities of its graph and scope."""

    @property
    def is_block(self) -> bool:
        return len(self.place) == 1 and self.place != NETWORK

    def add(self, graph: Graph, scope: Scope) -> None:
        self.numbers[id(graph), id(scope)] = len(self.graphs)
        self.graphs.append(graph)
        self.scopes.append(scope)


class Variants:
    """The variants of a network, found from the inside out."""

    def __init__(self, network: Network, fixed: Mapping[str, frozenset[str]]) -> None:
        """
        Args:
            fixed: for each block, and for the network as "", the names that are constants in its classes.
        """
        self.network = network
        self.fixed = fixed
        self.wiring = Wiring(network)
        self.scopes: dict[int, Scope] = {}
        """The scope of each use of a block or shared module, by its graph's identity."""
        self.equalities = Equalities()
        self.siblings: dict[Place, list[Variant]] = {}
        """The variants of each place."""
        self.layouts: dict[tuple[int, int], Layouts] = {}
        """The ways to write each series, by its and its scope's identity."""
        self.input_names: dict[int, tuple[str, ...]] = {}
        """What the inputs of a scope are called where it stands first, by its graph's identity."""
        self.value_names: dict[int, tuple[str, ...]] = {}
        """The same for the inputs of a node."""
        self._found: dict[tuple[int, int], Variant] = {}
        outermost = [network.graph, *(head.node.operation.graph for head in network.heads)]  # type: ignore[union-attr]
        for graph in outermost:
            self._enter_uses(graph)
        for name, graph in network.shared:
            self._enter(graph, name, ())
        layers = factories(outermost, network.parameters, self.scopes)
        values = {**numbers(network.parameters), **layers}
        self.root = Scope("", self._free("", values), layer_texts(network.parameters))
        self._describe_root()

    def _free(self, block: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The names that the classes of a block may read."""
        constants = self.fixed.get(block, frozenset())
        return {name: value for name, value in values.items() if name not in constants}

    def _describe_root(self) -> None:
        root, network = self.root, self.network
        self.input_names[id(network.graph)] = network.input_names if len(network.input_names) > 1 else ("x",)
        self._assign(NETWORK, network.graph, root, self._graph(network.graph, root, NETWORK))
        for head in network.heads:
            self._node(network.graph, head.node, root, NETWORK)

    def of(self, graph: Graph, scope: Scope) -> Variant:
        """The variant of a scope that becomes a class."""
        return self._found[id(graph), id(scope)]

    def is_class(self, graph: Graph, scope: Scope) -> bool:
        """Whether a scope becomes a class of its own."""
        return (id(graph), id(scope)) in self._found

    # Blocks

    def _enter_uses(self, graph: Graph) -> None:
        for _, node in nodes_of(graph):
            match node.operation:
                case Use(block=block, arguments=arguments, graph=inner):
                    self._enter(inner, block, arguments)
                case SharedUse(name=name, graph=inner):
                    self._enter(inner, name, ())

    def _enter(self, graph: Graph, block: str, arguments: tuple[tuple[str, Any], ...]) -> None:
        if id(graph) in self.scopes:
            return
        self._enter_uses(graph)
        sizes = {name: plain(size) for name, size in input_sizes(graph.inputs[0]).items()}
        values = {**sizes, **numbers(arguments), **factories([graph], arguments, self.scopes)}
        scope = self.scopes[id(graph)] = Scope(block, self._free(block, values), layer_texts(arguments))
        form = self.wiring.form(graph)
        if form not in ("identity", "shared"):
            self._assign((block,), graph, scope, self._graph(graph, scope, (block,)))

    def _assign(self, place: Place, graph: Graph, scope: Scope, structure: Structure) -> Variant:
        """The variant that a scope belongs to: the first that it agrees with, or a new one."""
        siblings = self.siblings.setdefault(place, [])
        for variant in siblings:
            merged = merged_structure(variant.structure, structure)
            if merged is not None and variant not in _variants_inside(structure, set()):
                variant.structure = merged
                break
        else:
            variant = Variant(place, structure)
            siblings.append(variant)
        variant.add(graph, scope)
        self._found[id(graph), id(scope)] = variant
        return variant

    # Structures

    def _graph(self, graph: Graph, scope: Scope, place: Place) -> Structure:
        nodes = tuple(self._node(graph, node, scope, place) for node in graph.nodes)
        return (self.wiring.takes(graph), self.wiring.needs(graph), len(graph.inputs), graph.result, nodes)

    def _module(self, graph: Graph, scope: Scope, place: Place) -> Structure:
        """The structure of a scope that is no block: a stage, a step, or a member of a series."""
        form = self.wiring.form(graph)
        if form == "class":
            if not self.is_class(graph, scope):
                self._assign(place, graph, scope, self._graph(graph, scope, place))
            return (form, self.of(graph, scope))
        return (form, self._graph(graph, scope, place))

    def _node(self, graph: Graph, node: Node, scope: Scope, place: Place) -> Structure:
        inputs = () if isinstance(node.operation, Choice) else self.wiring.node_takes(node)
        self._name_inputs(graph, node)
        return (node.name, inputs, self._operation(graph, node, scope, (*place, node.name)))

    def _name_inputs(self, graph: Graph, node: Node) -> None:
        """Notes what a node's inputs are called, for the scopes inside of it."""
        own = self.input_names.get(id(graph), ())
        names = []
        for value in node.inputs:
            if value >= len(graph.inputs):
                names.append(graph.nodes[value - len(graph.inputs)].name)
            else:
                names.append(own[value] if value < len(own) else "x")
        distinct = input_variables(["x", *names[1:]])
        self.value_names.setdefault(id(node), distinct)
        match node.operation:
            case Use(graph=inner, arguments=arguments):
                recalled = {recalled_stage(value): name for name, value in arguments}
                called = (recalled.get(name, name) for name in names[1:])
                self.input_names.setdefault(id(inner), input_variables(["x", *called]))
            case Group(graph=inner) | Choice(graph=inner):
                self.input_names.setdefault(id(inner), distinct)
            case Series(children=children) | Fan(children=children):
                for child in children:
                    captured = tuple(distinct[number] for number in child.captures)
                    self.input_names.setdefault(id(child.graph), ("x", *captured))

    def _operation(self, graph: Graph, node: Node, scope: Scope, place: Place) -> Structure:
        match node.operation:
            case Leaf():
                if isinstance(scope.values.get(node.origin or ""), Factory):
                    return ("factory", node.origin)
                call = torch_call(graph, node)
                return ("leaf", call.target, call.helper, tuple(argument.name for argument in call.arguments))
            case Merge(kind=kind):
                return ("merge", kind, channel_axis(node.output))
            case Use(graph=inner):
                form = self.wiring.form(inner)
                if form not in ("identity", "shared"):
                    return ("use", self.of(inner, self.scopes[id(inner)]))
                return ("use", form, self._graph(inner, self.scopes[id(inner)], place))
            case Group(graph=inner):
                return ("group", self._module(inner, scope, place))
            case Series():
                layouts = self._series(node.operation, scope, (*place, MEMBER))
                self.layouts[id(node.operation), id(scope)] = layouts
                return ("series", layouts)
            case Fan(kind=kind, children=children):
                members = self._members(children, scope, (*place, MEMBER))
                return ("fan", kind, channel_axis(node.output), members)
            case Choice():
                return self._choice(node, scope, place[:-1])
            case SharedUse(name=name):
                return ("shared", name)

    def _members(self, children: tuple[Any, ...], scope: Scope, place: Place) -> Structure:
        return tuple(
            (self._module(child.graph, scope, place), self.wiring.child_takes(child)) for child in children
        )

    def _choice(self, node: Node, scope: Scope, place: Place) -> Structure:
        operation = node.operation
        assert isinstance(operation, Choice)
        inside = (self.wiring.node_takes(node), node.inputs, self._graph(operation.graph, scope, place))
        condition = operation.condition.settled()
        if not isinstance(condition, Formula) or not scope.holds(condition, operation.taken):
            return ("decided", operation.taken, inside)
        sides = (inside, None) if operation.taken else (None, inside)
        return ("choice", condition, *sides)

    def _series(self, series: Series, scope: Scope, place: Place) -> Layouts:
        """The ways in which a series can be written, each with the structures that it would be made of."""
        members = self._members(series.children, scope, place)
        counts = tuple(child.count for child in series.children)
        layouts: list[Structure] = [("listed", tuple(zip(members, counts, strict=True)))]
        is_plain = all(self.wiring.shared_module(child.graph) is None for child in series.children)
        if series.count is not None and is_plain:
            if not members:
                layouts.append(("counted", None))
            elif all(member == members[0] for member in members) and self._grows_evenly(series):
                layouts.append(("counted", members[0]))
            if members and len(members) <= 2 and (len(members) == 1 or counts[0] == 1):
                rest = members[-1] if sum(counts) > 1 else None
                layouts.append(("first", members[0], rest))
        return Layouts(tuple(layouts))

    def _grows_evenly(self, series: Series) -> bool:
        """Whether one element stands for all members: each number in it stays or grows by a step."""
        if len(series.children) == 1:
            return True
        inner = [node.operation for child in series.children for _, node in nodes_of(child.graph)]
        if any(isinstance(operation, Series) and len(operation.children) > 1 for operation in inner):
            return False
        columns = [list(_numbers_inside(child.graph)) for child in series.children]
        if len({len(column) for column in columns}) > 1:
            return False
        rows = list(zip(*columns, strict=True))
        if all(map(is_steady, rows)):
            return True
        return all(child.count == 1 for child in series.children) and all(map(is_progression, rows))


def _variants_inside(structure: Any, found: set[Variant]) -> set[Variant]:
    """Every variant that a class of this structure constructs, at any depth."""
    if isinstance(structure, Variant) and structure not in found:
        found.add(structure)
        _variants_inside(structure.structure, found)
    elif isinstance(structure, tuple):
        for part in structure:
            _variants_inside(part, found)
    return found


def _numbers_inside(graph: Graph) -> Iterator[Any]:
    """The values that a scope's modules are made with, in order, with their formulas."""
    for node in graph.nodes:
        match node.operation:
            case Leaf():
                yield from (argument.value for argument in torch_call(graph, node).arguments)
            case Use(arguments=arguments):
                yield from graph.shape(node.inputs[0]).sizes
                yield from (value for _, value in arguments)
            case Group(graph=inner) | Choice(graph=inner):
                yield from _numbers_inside(inner)
            case Series(children=children, count=count):
                yield count
                yield len(children)
                yield from (value for child in children for value in _numbers_inside(child.graph))
            case Fan(children=children):
                yield len(children)
                yield from (value for child in children for value in _numbers_inside(child.graph))
            case Merge() | SharedUse():
                continue
