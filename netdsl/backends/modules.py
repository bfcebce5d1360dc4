"""The construction of modules as expressions: `ConvBn(in_channels, 4 * c, 1, s=s)`.

Every expression is written once for all uses of the class it stands in (see `arguments`); what the uses do
not have in common becomes an argument of the class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from netdsl.backends.arguments import MISSING, Arguments, Member
from netdsl.backends.formulas import Names, expression, literal
from netdsl.backends.layout import (
    Bracketed,
    Comprehension,
    Expression,
    Item,
    Text,
    call,
)
from netdsl.backends.naming import checked, variable
from netdsl.backends.scopes import INPUT_SIZES, Factory, Scope, is_same, outside, torch_call
from netdsl.backends.variants import Layouts, Variant, Variants
from netdsl.graph.formula import Formula
from netdsl.graph.graph import (
    Child,
    Fan,
    Graph,
    Group,
    LayerArgument,
    Leaf,
    Node,
    Series,
    Signature,
    Use,
)
from netdsl.graph.polynomial import simplified

POSITIONAL = {
    "Conv": ("in_channels", "out_channels", "kernel_size"),
    "Linear": ("in_features", "out_features"),
    "ChannelLinear": ("in_features", "out_features"),
    "BatchNorm": ("num_features",),
    "InstanceNorm": ("num_features",),
    "GroupNorm": ("num_groups", "num_channels"),
    "LayerNorm": ("normalized_shape",),
    "MaxPool": ("kernel_size",),
    "AvgPool": ("kernel_size",),
    "Adaptive": ("output_size",),
}
"""What torch calls the arguments that are printed without a name, by the beginning of the class's name."""

MANY = 3
"""From how many equal modules on they are written as a comprehension."""


@dataclass(frozen=True)
class Parameter:
    """An argument of a printed class or function."""

    name: str
    source: str
    """`input` for a size of the input, `block` for the block's own parameter, `scope` for a name of the block
    around a stage, `extra` for one that the printed source needs besides."""
    default: Any = MISSING

    @property
    def is_required(self) -> bool:
        return self.default is MISSING


@dataclass(frozen=True)
class Definition:
    """A printed class or function, as its callers see it."""

    name: str
    parameters: tuple[Parameter, ...]
    extras: dict[str, dict[int, Any]]
    """The values of the `extra` parameters by the number of the use."""


class File(Protocol):
    """What a constructor needs of the file it is printed into."""

    variants: Variants

    def block(self, name: str) -> Signature | None:
        """The signature of a block; None for what is none."""

    def define(self, variant: Variant) -> Definition:
        """The class of a variant, printed before if it was not."""

    def add_helper(self, source: str) -> None:
        """A small module that torch lacks, printed once."""

    def series_class(self, hint: str, series: Series, node: Node) -> str | None:
        """The class of a series whose members take more than the current tensor; None for `nn.Sequential`."""

    def fan_class(self, fan: Fan, node: Node) -> str:
        """The class of a fan, which merges what its members give."""


class Modules:
    """Prints the construction of modules for all uses of a class at once."""

    def __init__(self, file: File, variant: Variant, names: Names) -> None:
        """
        Args:
            names: what the spec's names are called in the printed source.
        """
        self.file = file
        self.scopes = variant.scopes
        self.names = names
        self.arguments = Arguments(variant.scopes, file.variants.equalities)
        self.locals: dict[Formula, str] = {}
        """Variables of the constructor that stand for longer formulas."""
        self.required: dict[Formula, None] = {}
        """What must hold for the printed layout."""

    def module(self, members: Sequence[Member], hint: str) -> Expression:
        """The construction of the module of a scope that is no block."""
        wiring = self.file.variants.wiring
        graph = members[0].graph
        form = wiring.form(graph)
        if form == "identity":
            return call("nn.Identity")
        if form == "single":
            return self.node(members, 0, hint)
        if form == "class":
            return self._instance(members, [None] * len(members))
        steps = (
            Item(self.node(members, index, node.name), f"{checked(node.name)}=")
            for index, node in enumerate(graph.nodes)
        )
        return call("nn.Sequential", Item(call("OrderedDict", *steps)))

    def with_locals(self, value: Any) -> Any:
        """A formula with the variables that stand for parts of it."""
        if not self.locals or not isinstance(value, Formula):
            return value
        if value in self.locals:
            return Formula.name(self.locals[value])
        return Formula(value.operator, tuple(map(self.with_locals, value.operands)))

    def require(self, formula: Formula) -> None:
        """Makes the constructor refuse arguments for which its layout would be another."""
        self.required[formula] = None

    def node(self, members: Sequence[Member], index: int, hint: str) -> Expression:
        """The construction of the module of one node."""
        nodes = [member.graph.nodes[index] for member in members]
        operation = nodes[0].operation
        if isinstance(operation, Leaf):
            return self._leaf(members, nodes)
        if isinstance(operation, Use | Group):
            inner = [replace(m, graph=n.operation.graph) for m, n in zip(members, nodes, strict=True)]  # type: ignore[union-attr]
            if isinstance(operation, Group):
                return self.module(inner, hint)
            if self.file.variants.wiring.form(operation.graph) == "identity":
                return call("nn.Identity")
            return self._instance(inner, [(m.graph, n) for m, n in zip(members, nodes, strict=True)])
        if isinstance(operation, Series):
            return self._series(members, nodes, hint)
        assert isinstance(operation, Fan)
        return self._fan(members, nodes, hint)

    def _leaf(self, members: Sequence[Member], nodes: Sequence[Node]) -> Expression:
        origin = nodes[0].origin or ""
        if isinstance(self.scopes[members[0].number].values.get(origin), Factory):
            return call(self.names.get(origin, origin))
        calls = [torch_call(member.graph, node) for member, node in zip(members, nodes, strict=True)]
        first = calls[0]
        if first.helper is not None:
            self.file.add_helper(first.helper)
        words = positional_names(first.target)
        items = []
        for number, argument in enumerate(first.arguments):
            values = [one.arguments[number].value for one in calls]
            word = argument.name or (words[number] if number < len(words) else "size")
            found = self.arguments.common(word, values, members)
            if argument.name is None:
                items.append(Item(self.expression(found)))
            elif not is_same(found, argument.default):
                items.append(Item(self.expression(found), f"{argument.name}="))
        return call(first.target, *items)

    def expression(self, value: Any) -> Expression:
        """A formula, a plain value or a factory as Python writes it."""
        if not isinstance(value, Factory):
            return expression(self.with_locals(value), self.names)
        if value.call.helper is not None:
            self.file.add_helper(value.call.helper)
        given = [a for a in value.call.arguments if a.name is None or not is_same(a.value, a.default)]
        if not given:
            return Text(value.call.target)
        items = (Item(literal(a.value), f"{a.name}=" if a.name else "") for a in given)
        return call("partial", Item(Text(value.call.target)), *items)

    def _instance(self, members: Sequence[Member], uses: Sequence[tuple[Graph, Node] | None]) -> Expression:
        """A call of a class or function with what these uses give it.

        Args:
            members: the scopes that become the class.
            uses: the node that uses each, with the graph it stands in; None for what is no block.
        """
        variants = self.file.variants
        inner = [
            variants.scopes[id(member.graph)] if use else self.scopes[member.number]
            for member, use in zip(members, uses, strict=True)
        ]
        variant = variants.of(members[0].graph, inner[0])
        definition = self.file.define(variant)
        items: list[Item] = []
        for parameter in definition.parameters:
            found: Any = Formula.name(parameter.name)
            if parameter.source != "scope":
                values = [
                    self._given(parameter, definition, variant, member, scope, use)
                    for member, scope, use in zip(members, inner, uses, strict=True)
                ]
                found = self.arguments.common(parameter.name, values, members)
            if parameter.is_required:
                items.append(Item(self.expression(found)))
            elif not is_same(found, parameter.default):
                items.append(Item(self.expression(found), f"{variable(parameter.name)}="))
        return call(definition.name, *items)

    def shared(self, graph: Graph) -> Expression:
        """The construction of a shared module."""
        variants = self.file.variants
        if variants.wiring.form(graph) == "identity":
            return call("nn.Identity")
        scope = variants.scopes[id(graph)]
        variant = variants.of(graph, scope)
        definition = self.file.define(variant)
        number = variant.numbers[id(graph), id(scope)]
        values = [
            definition.extras[p.name][number] if p.source == "extra" else scope.values[p.name]
            for p in definition.parameters
        ]
        return call(definition.name, *(Item(literal(value)) for value in values))

    def _given(
        self,
        parameter: Parameter,
        definition: Definition,
        variant: Variant,
        member: Member,
        scope: Scope,
        use: tuple[Graph, Node] | None,
    ) -> Any:
        """What one use gives for a parameter, with its formula."""
        if parameter.source == "extra":
            number = variant.numbers[id(member.graph), id(scope)]
            value = definition.extras[parameter.name].get(number, MISSING)
            return value if use is None or value is MISSING else outside(value, *use)
        assert use is not None
        graph, node = use
        if parameter.source == "input":
            shape = graph.shape(node.inputs[0])
            axis = INPUT_SIZES[parameter.name]
            return shape.size(axis) if axis in shape else MISSING
        assert isinstance(node.operation, Use)
        value = dict(node.operation.arguments)[parameter.name]
        if not isinstance(value, LayerArgument):
            return value
        factory = scope.values.get(parameter.name)
        if not isinstance(factory, Factory):
            return MISSING
        is_handed_on = isinstance(self.scopes[member.number].values.get(value.origin or ""), Factory)
        return replace(factory, formula=Formula.name(value.origin) if is_handed_on and value.origin else None)

    # Series and fans

    def _series(self, members: Sequence[Member], nodes: Sequence[Node], hint: str) -> Expression:
        every: list[Series] = [node.operation for node in nodes]  # type: ignore[misc]
        name = self.file.series_class(hint, every[0], nodes[0])
        items = self._series_items(members, every, hint)
        return call("nn.Sequential", *items) if name is None else _listed(name, items)

    def _series_items(self, members: Sequence[Member], every: Sequence[Series], hint: str) -> list[Item]:
        layouts = self._layouts(members, every)
        if "first" in layouts and any(len(series.children) > 1 for series in every):
            return self._first_and_rest(members, every, hint)
        if "counted" in layouts:
            return self._counted(members, every, hint)
        if every[0].count is not None:
            found = self._count(members, every)
            if isinstance(found, Formula):
                self.require(Formula("==", (found, int(every[0].count))))
        return self._one_by_one(members, [series.children for series in every], hint)

    def _one_by_one(
        self, members: Sequence[Member], every: Sequence[tuple[Child, ...]], hint: str
    ) -> list[Item]:
        """Each member of a series or a fan; beside uses of shared modules, the others by their number."""
        wiring = self.file.variants.wiring
        made: dict[int, Expression] = {}
        position = 0
        for number, child in enumerate(every[0]):
            if wiring.shared_module(child.graph) is None:
                inner = [replace(m, graph=c[number].graph) for m, c in zip(members, every, strict=True)]
                made |= dict.fromkeys(range(position, position + child.count), self.module(inner, hint))
            position += child.count
        if len(made) < position:
            return [Item(module, f'"{number}": ') for number, module in made.items()]
        return _runs(list(made.values()))

    def _layouts(self, members: Sequence[Member], every: Sequence[Series]) -> set[str]:
        common: Layouts | None = None
        for member, series in zip(members, every, strict=True):
            own = self.file.variants.layouts[id(series), id(self.scopes[member.number])]
            common = own if common is None else common.common(own)
            assert common is not None, "the members of one class have series that cannot be written alike"
        assert common is not None
        return {layout[0] for layout in common}

    def _count(self, members: Sequence[Member], every: Sequence[Series]) -> Any:
        return self.arguments.common("count", [series.count for series in every], members)

    def _repeated(self, element: Expression, count: Any) -> list[Item]:
        uses_loop = re.search(rf"\b{self.arguments.loop}\b", element.flat)
        if isinstance(count, int) and count < MANY and not uses_loop:
            return [Item(element)] * count
        loop = self.arguments.loop if uses_loop else "_"
        return [Item(Comprehension(element, f"for {loop} in range({self.expression(count).flat})"), "*")]

    def _first_and_rest(
        self, members: Sequence[Member], every: Sequence[Series], hint: str
    ) -> list[Item]:
        pairs = list(zip(members, every, strict=True))
        first = self.module([replace(m, graph=s.children[0].graph) for m, s in pairs], hint)
        longer = [(m, s) for m, s in pairs if sum(child.count for child in s.children) > 1]
        last = [replace(m, graph=s.children[-1].graph) for m, s in longer]
        rest = self.module(last, hint) if last else first
        count = self._count(members, every)
        if rest.flat == first.flat:
            return self._repeated(first, count)
        if isinstance(count, Formula):
            self.require(Formula(">=", (count, 1)))  # the first is there in any case
            fewer = simplified(Formula("-", (count, 1)))
        else:
            fewer = count - 1
        return [Item(first), *self._repeated(rest, fewer)]

    def _counted(self, members: Sequence[Member], every: Sequence[Series], hint: str) -> list[Item]:
        expanded = []
        for member, series in zip(members, every, strict=True):
            differ = len(series.children) > 1 and all(child.count == 1 for child in series.children)
            for position, child in enumerate(series.children):
                where = position if differ else member.position
                expanded.append(replace(member, graph=child.graph, position=where))
        count = self._count(members, every)
        if not expanded:
            if isinstance(count, Formula):
                self.require(Formula("==", (count, 0)))
            return []
        return self._repeated(self.module(expanded, hint), count)

    def _fan(self, members: Sequence[Member], nodes: Sequence[Node], hint: str) -> Expression:
        every: list[Fan] = [node.operation for node in nodes]  # type: ignore[misc]
        items = self._one_by_one(members, [fan.children for fan in every], hint)
        return _listed(self.file.fan_class(every[0], nodes[0]), items)


def _listed(name: str, items: Sequence[Item]) -> Expression:
    """A call with one list of modules, or with a dictionary where they have their numbers before them."""
    if len(items) == 1 and isinstance(items[0].value, Comprehension):
        return call(name, Item(items[0].value))
    opening, closing = "{}" if items and items[0].prefix.startswith('"') else "[]"
    return call(name, Item(Bracketed(opening, tuple(items), closing)))


def _runs(made: Sequence[Expression]) -> list[Item]:
    """Expressions one after another; several equal ones as a comprehension."""
    items: list[Item] = []
    for _, group in groupby(made, key=lambda element: element.flat):
        equal = list(group)
        if len(equal) >= MANY:
            items.append(Item(Comprehension(equal[0], f"for _ in range({len(equal)})"), "*"))
        else:
            items += map(Item, equal)
    return items


def positional_names(target: str) -> tuple[str, ...]:
    """What torch calls the arguments of a class that are printed without a name."""
    word = target.removeprefix("nn.")
    return next((names for start, names in POSITIONAL.items() if word.startswith(start)), ())
