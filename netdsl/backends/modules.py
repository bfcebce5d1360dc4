"""The construction of modules as expressions: `ConvBn(in_channels, 4 * c, 1, s=s)`.

Every expression is written once for all uses of the class it stands in (see `arguments`); what the uses do
not have in common becomes an argument of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from netdsl.backends.arguments import MISSING, Arguments, Member
from netdsl.backends.formulas import Names, expression, literal
from netdsl.backends.layout import (
    Expression,
    Item,
    Text,
    call,
)
from netdsl.backends.naming import checked, variable
from netdsl.backends.repeats import Repeats
from netdsl.backends.scopes import (
    Factory,
    Scope,
    given_names,
    input_sizes,
    is_same,
    names_in,
    outside,
    torch_call,
)
from netdsl.backends.variants import Variant, Variants
from netdsl.graph.formula import Formula, traced
from netdsl.graph.graph import (
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


@dataclass(frozen=True)
class Parameter:
    """An argument of a printed class."""

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
    """A printed class, as its callers see it."""

    name: str
    parameters: tuple[Parameter, ...]
    extras: dict[str, dict[int, Any]]
    """The values of the `extra` parameters by the number of the use."""
    fixed: frozenset[str] = frozenset()
    """Names of the block that its constants rest on: what a use gives for them must stay what it is."""


class File(Protocol):
    """What a constructor needs of the file it is printed into."""

    variants: Variants
    words: frozenset[str]
    """What a spec's layers and blocks, functions and constants are called."""

    def block(self, name: str) -> Signature | None:
        """The signature of a block; None for what is none."""

    def define(self, variant: Variant) -> Definition:
        """The class of a variant, printed before if it was not."""

    def add_helper(self, source: str) -> None:
        """A small module that torch lacks, printed once."""

    def add_constant(self, name: str, value: Expression) -> str:
        """A constant of the file, printed once; gives what it is called."""

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
        self.arguments = Arguments(variant.graphs, variant.scopes, file.variants.equalities)
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
            return Repeats(self).series(members, nodes, hint)
        assert isinstance(operation, Fan)
        return Repeats(self).fan(members, nodes, hint)

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
            return expression(self.with_locals(self._unrounded(value)), self.names)
        if value.call.helper is not None:
            self.file.add_helper(value.call.helper)
        given = [a for a in value.call.arguments if a.name is None or not is_same(a.value, a.default)]
        if not given:
            return Text(value.call.target)
        items = (Item(literal(a.value), f"{a.name}=" if a.name else "") for a in given)
        return call("partial", Item(Text(value.call.target)), *items)

    def _unrounded(self, value: Any) -> Any:
        """A formula without rounding of what is a whole number in every use."""
        if not isinstance(value, Formula):
            return value
        operands = tuple(map(self._unrounded, value.operands))
        if (
            value.operator == "call"
            and operands[0] in ("round", "floor", "ceil")
            and self._is_whole(operands[1])
        ):
            return operands[1]
        return Formula(value.operator, operands)

    def _is_whole(self, operand: Any) -> bool:
        if not isinstance(operand, Formula) or operand.operator != "name":
            return False
        return all(isinstance(scope.values.get(operand.operands[0]), int) for scope in self.scopes)

    def _instance(self, members: Sequence[Member], uses: Sequence[tuple[Graph, Node] | None]) -> Expression:
        """A call of a class with what these uses give it.

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
        self._rest_on_given(definition, uses)
        items: list[Item] = []
        for parameter in definition.parameters:
            is_known = any(parameter.name in scope.values for scope in inner)
            found: Any = Formula.name(parameter.name) if is_known else None  # another branch needs it
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

    def _rest_on_given(self, definition: Definition, uses: Sequence[tuple[Graph, Node] | None]) -> None:
        """Notes on what the constants inside of a class rest here."""
        for use in uses:
            if use is None:  # its names are those known here
                self.arguments.fixed |= definition.fixed
                continue
            given = given_names(*use)
            for name in definition.fixed & given.keys():
                self.arguments.fixed |= names_in(given[name])

    def shared(self, graph: Graph, uses: Sequence[tuple[Graph, Node]]) -> Expression:
        """The construction of a shared module.

        Args:
            uses: its uses on this graph where the network's parameters are known.
        """
        variants = self.file.variants
        if variants.wiring.form(graph) == "identity":
            return call("nn.Identity")
        scope = variants.scopes[id(graph)]
        variant = variants.of(graph, scope)
        definition = self.file.define(variant)
        number = variant.numbers[id(graph), id(scope)]
        members = [Member(0, variants.network.graph)] * len(uses)
        items = []
        for parameter in definition.parameters:
            name = parameter.name
            is_extra = parameter.source == "extra"
            value = definition.extras[name][number] if is_extra else scope.values[name]
            if uses and not isinstance(value, Factory):
                inside = value if is_extra else traced(value, Formula.name(name))
                value = self.arguments.common(name, [outside(inside, *use) for use in uses], members)
            items.append(Item(self.expression(value)))
        self._rest_on_given(definition, uses)
        return call(definition.name, *items)

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
            return input_sizes(graph.shape(node.inputs[0])).get(parameter.name, MISSING)
        assert isinstance(node.operation, Use)
        value = dict(node.operation.arguments)[parameter.name]
        if not isinstance(value, LayerArgument):
            return value
        factory = scope.values.get(parameter.name)
        if not isinstance(factory, Factory):
            return MISSING
        is_handed_on = isinstance(self.scopes[member.number].values.get(value.origin or ""), Factory)
        return replace(factory, formula=Formula.name(value.origin) if is_handed_on and value.origin else None)


def positional_names(target: str) -> tuple[str, ...]:
    """What torch calls the arguments of a class that are printed without a name."""
    word = target.removeprefix("nn.")
    return next((names for start, names in POSITIONAL.items() if word.startswith(start)), ())
