"""A network's graph → its chain of terms, each with its path and the uses of blocks that it stands in.

    bottleneck(64) -> …   →   [add of [conv, batchnorm, relu, …] and []], relu, …

Graphs say what each node takes, not where branches part; that is found here, as the last value that all
branches of a merge come from. What cannot be said by branches alone, such as a tensor taken from another
stage's inside, becomes a term that recalls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netdsl.analysis.difference.terms import (
    BranchesTerm,
    Chain,
    Item,
    LayerTerm,
    Names,
    RecallTerm,
    Scope,
    SharedTerm,
    costs_of,
    joined,
    moved,
)
from netdsl.graph.graph import (
    REQUIRED,
    Costs,
    Fan,
    Graph,
    Group,
    LayerArgument,
    Leaf,
    Merge,
    Node,
    Series,
    SharedUse,
    Signature,
    Use,
)
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import spell


class _Value:
    """A tensor on the way from a graph to a chain: what gives it, and what from."""

    __slots__ = ("fork", "inputs", "items", "merge", "name", "output", "path", "scopes")

    def __init__(
        self,
        output: Shape,
        inputs: Sequence[int] = (),
        *,
        items: Chain = (),
        merge: str = "",
        name: str = "",
        path: str = "",
        scopes: tuple[Scope, ...] = (),
    ) -> None:
        self.output = output
        self.inputs = inputs
        self.items = items
        self.merge = merge
        self.name = name
        """The input's name, where it is one."""
        self.path = path
        self.scopes = scopes
        self.fork: int | None = None
        """What the branches of a merge begin with."""


class Normalizer:
    """Makes the terms of both networks, so that equal ones have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self.blocks: Mapping[str, Signature] = {}
        """The blocks of the network whose terms are made."""

    def chain(self, graph: Graph, input_names: Sequence[str] = (), path: str = "") -> Chain:
        """The chain of a whole graph."""
        return _Flattener(self, graph, input_names, path, None).chain()

    def number(self, structure: Any) -> int:
        """The number of a structure, the same for every equal one."""
        return self._numbers.setdefault(structure, len(self._numbers))

    def use(self, block: str, arguments: Iterable[tuple[str, Any]]) -> str:
        """The use of a block as one would write it."""
        defaults = dict(self.blocks[block].parameters)
        given = [(name, value) for name, value in arguments if _argument(value) != _argument(defaults[name])]
        if len(given) == sum(defaults[name] is REQUIRED for name, _ in given):
            return f"{block}({', '.join(_argument(value) for _, value in given)})" if given else block
        return f"{block}({', '.join(f'{name}={_argument(value)}' for name, value in given)})"

    def layer(self, leaf: Leaf, input: Shape, output: Shape, names: Names | None) -> LayerTerm:
        declared = self.number((type(leaf.layer), leaf.layer))
        exact = self.number((declared, input, leaf.costs.params, leaf.costs.macs))
        weight = 2 if leaf.costs.params else 1
        return LayerTerm(declared, exact, weight, leaf.layer, leaf.costs, input, output, names)

    def shared(self, name: str, costs: Costs, output: Shape) -> SharedTerm:
        declared = self.number(("shared", name))
        exact = self.number((declared, costs.macs, output))
        return SharedTerm(declared, exact, 2, name, costs, output)

    def recall(self, source: str, output: Shape) -> RecallTerm:
        declared = self.number(("recall", source))
        return RecallTerm(declared, self.number((declared, output)), 1, source, Costs(), output)

    def branches(self, kind: str, branches: tuple[Chain, ...], output: Shape) -> BranchesTerm:
        declared = self.number((kind, tuple(tuple(item.term.declared for item in b) for b in branches)))
        exact = self.number((kind, tuple(tuple(item.term.exact for item in b) for b in branches), output))
        weight = 1 + sum(item.term.weight for branch in branches for item in branch)
        costs = sum((costs_of(branch) for branch in branches), Costs())
        return BranchesTerm(declared, exact, weight, kind, branches, costs, output)


class _Flattener:
    """One graph: opens its scopes into a list of values, then reads chains back from the result."""

    def __init__(
        self,
        normalizer: Normalizer,
        graph: Graph,
        input_names: Sequence[str],
        path: str,
        names: Names | None,
    ) -> None:
        self.make = normalizer
        self.values = [
            _Value(shape, name=input_names[number] if number < len(input_names) else "input")
            for number, shape in enumerate(graph.inputs)
        ]
        self.emitted: set[int] = set()
        self.has_several = len(input_names) > 1
        self.result = self._open(graph, list(range(len(graph.inputs))), path, (), names)

    # A graph's nodes → values

    def _add(self, value: _Value) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def _open(
        self, graph: Graph, inputs: list[int], path: str, scopes: tuple[Scope, ...], names: Names | None
    ) -> int:
        """Opens a graph on values; the number of the value that comes out."""
        local = list(inputs)
        for node in graph.nodes:
            given = [local[number] for number in node.inputs]
            here = joined(path, node.name)
            local.append(self._node(node, given, here, path, scopes, names))
        return local[graph.result]

    def _node(
        self,
        node: Node,
        given: list[int],
        here: str,
        path: str,
        scopes: tuple[Scope, ...],
        names: Names | None,
    ) -> int:
        operation = node.operation
        match operation:
            case Leaf():
                term = self.make.layer(operation, self.values[given[0]].output, node.output, names)
                return self._add(_Value(node.output, given, items=(Item(term, here, scopes),), path=here))
            case Merge(kind=kind):
                return self._merge(kind, given, node.output, here, scopes)
            case Use(block=block, arguments=arguments, graph=graph):
                around = (*scopes, Scope(here, self.make.use(block, arguments)))
                return self._open(graph, given, here, around, Names(dict(arguments), names))
            case Group(graph=graph):
                return self._open(graph, given, here, scopes, names)
            case SharedUse(name=name):
                shared = self.make.shared(name, node.costs, node.output)
                return self._add(_Value(node.output, given, items=(Item(shared, here, scopes),), path=here))
            case Series():
                return self._series(operation, given, here, scopes, names)
            case Fan(kind=kind, children=children):
                branches = [
                    self._open(
                        child.graph,
                        [given[0], *(given[i] for i in child.captures)],
                        f"{here}.{n}",
                        scopes,
                        names,
                    )
                    for n, child in enumerate(children)
                ]
                return self._merge(kind, branches, node.output, here, scopes)
            case _:  # a choice, which has no module of its own
                return self._open(operation.graph, given, path, scopes, names)

    def _series(
        self, series: Series, given: list[int], here: str, scopes: tuple[Scope, ...], names: Names | None
    ) -> int:
        current, position = given[0], 0
        for child in series.children:
            if child.count == 1 or child.captures:
                for _ in range(child.count):
                    inputs = [current, *(given[i] for i in child.captures)]
                    current = self._open(child.graph, inputs, f"{here}.{position}", scopes, names)
                    position += 1
                continue
            once = _Flattener(self.make, child.graph, (), "", names).chain()
            for _ in range(child.count):
                items = tuple(moved(item, f"{here}.{position}", scopes) for item in once)
                current = self._add(_Value(child.graph.output, [current], items=items, path=here))
                position += 1
        return current

    def _merge(self, kind: str, given: list[int], output: Shape, path: str, scopes: tuple[Scope, ...]) -> int:
        value = _Value(output, given, merge=kind, path=path, scopes=scopes)
        value.fork = self._fork(given)
        return self._add(value)

    def _before(self, number: int) -> int | None:
        """The value that a value is made of, branches passed over; None for an input."""
        value = self.values[number]
        if value.merge:
            return value.fork
        return value.inputs[0] if value.inputs else None

    def _fork(self, given: Sequence[int]) -> int | None:
        """The last value that all branches come from. In a network of several inputs there may be none;
        elsewhere a branch that comes from outside of the graph counts not."""
        ways = []
        for number in given:
            way: list[int] = []
            at: int | None = number
            while at is not None:
                way.append(at)
                at = self._before(at)
            ways.append(way)
        root = min(way[-1] for way in ways)
        if self.has_several and any(way[-1] != root for way in ways):
            return None
        common = [set(way) for way in ways if way[-1] == root]
        first = next(way for way in ways if way[-1] == root)
        return next(number for number in first if all(number in others for others in common))

    # Values → chains

    def chain(self) -> Chain:
        """The chain that leads to the result, then what was computed beside it."""
        items = list(self._read(self.result, None if self.has_several else 0))
        for number in reversed(range(len(self.values))):
            value = self.values[number]
            if number not in self.emitted and (value.items or value.merge):
                unused = self._read(number, None)
                branches = self.make.branches("unused", (unused,), value.output)
                items.append(Item(branches, value.path, ()))
        return tuple(items)

    def _read(self, end: int, start: int | None) -> Chain:
        """The items from one value, not included, to another."""
        way: list[int] = []
        at: int | None = end
        while at is not None and at != start and at not in self.emitted and not self.values[at].name:
            way.append(at)
            at = self._before(at)
        items: list[Item] = []
        if at is not None and at != start:
            source = self.values[at]
            items.append(Item(self.make.recall(source.name or source.path, source.output), source.path, ()))
        for number in reversed(way):
            items += self._items(number)
        return tuple(items)

    def _items(self, number: int) -> Chain:
        value = self.values[number]
        self.emitted.add(number)
        if not value.merge:
            return value.items
        depth = len(value.scopes)
        branches = tuple(
            tuple(item._replace(scopes=item.scopes[depth:]) for item in self._read(given, value.fork))
            for given in value.inputs
        )
        return (Item(self.make.branches(value.merge, branches, value.output), value.path, value.scopes),)


def _argument(value: Any) -> str:
    return value.text if isinstance(value, LayerArgument) else spell(value)
