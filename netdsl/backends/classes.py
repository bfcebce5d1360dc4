"""One class of a block, a stage or a shared module, as text.

Its arguments are the names that its constructor reads.

    conv_bn(c, k, s=1)   →   class ConvBn(nn.Module):
                                 def __init__(self, in_channels: int, c: int, k: int, s: int = 1) -> None: …
                                 def forward(self, x: Tensor) -> Tensor: …
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from netdsl.backends.arguments import MISSING, Member
from netdsl.backends.constructor import BODY, Constructor
from netdsl.backends.forward import ForwardPrinter
from netdsl.backends.layout import INDENT, WIDTH, Item, Text, signature
from netdsl.backends.modules import Definition, File, Parameter
from netdsl.backends.naming import input_variables, variable
from netdsl.backends.programs import ProgramBuilder
from netdsl.backends.prose import QUOTES, annotation, docstring, spelled
from netdsl.backends.scopes import Factory, Scope, given_names, layer_names, names_in, nodes_of
from netdsl.backends.variants import MEMBER, Variant
from netdsl.graph.formula import Formula, plain
from netdsl.graph.graph import REQUIRED, Graph, LayerArgument, Node, SharedUse, Use
from netdsl.graph.shapes import INPUT_SIZES, Shape


class ClassPrinter:
    """Prints the class of one variant."""

    def __init__(self, file: File, variant: Variant, name: str) -> None:
        self.file = file
        self.variant = variant
        self.name = name
        self.graph = variant.graphs[0]
        self.members = [Member(number, graph) for number, graph in enumerate(variant.graphs)]
        self.names = {name: variable(name) for scope in variant.scopes for name in scope.values}
        self.constructor = self._constructor(None)

    def _constructor(self, variables: Collection[str] | None) -> Constructor:
        return Constructor(self.file, self.variant, self.names, variables)

    def printed(self) -> tuple[str, Definition]:
        """The text, and what its callers need to know of it."""
        body = self._body()
        while len(useful := self.constructor.useful_variables(body)) < len(self.constructor.modules.locals):
            self.constructor = self._constructor(useful)
            body = self._body()
        self._require_layout()
        self._rest_on_others()
        body = [*self.constructor.asserts(), *body]
        arguments = self.constructor.modules.arguments
        definition = Definition(
            self.name, self._parameters(body), arguments.extras, frozenset(arguments.fixed)
        )
        return self._class(definition, body), definition

    def _body(self) -> list[str]:
        """The statements of the constructor."""
        return self.constructor.statements(self.members)

    def _require_layout(self) -> None:
        """What lists were unrolled into holds for their length alone."""
        graphs, scopes = self.variant.graphs, self.variant.scopes
        modules = self.constructor.modules
        for formula, value in self.graph.constraints:
            modules.arguments.fixed |= formula.rests()
            settled = formula.settled()
            if not isinstance(settled, Formula):
                continue
            needed = Formula("==", (settled, plain(value)))
            if all((formula, value) in graph.constraints for graph in graphs) and all(
                scope.holds(needed, True) for scope in scopes
            ):
                modules.require(needed)
            else:
                modules.arguments.fixed |= settled.names()

    def _rest_on_others(self) -> None:
        """Notes on which names of this class there rest constants in others: those of shared modules, which
        are made by the network, and of layers that are handed on with their numbers."""
        if len(self.variant.place) > 1:
            return  # the block's class knows of its stages
        for graph, scope in zip(self.variant.graphs, self.variant.scopes, strict=True):
            self._rest_on_others_in(graph, scope)

    def _rest_on_others_in(self, graph: Graph, scope: Scope) -> None:
        for inside, node in nodes_of(graph):
            if isinstance(node.operation, SharedUse):
                self._rest_on_shared(inside, node)
            elif isinstance(node.operation, Use):
                for _, value in node.operation.arguments:
                    if isinstance(value, LayerArgument) and not value.origin:
                        self._rest_on_layer(value, scope)

    def _rest_on_shared(self, graph: Graph, node: Node) -> None:
        assert isinstance(node.operation, SharedUse)
        variants = self.file.variants
        inner = node.operation.graph
        if variants.wiring.form(inner) == "identity":
            return
        definition = self.file.define(variants.of(inner, variants.scopes[id(inner)]))
        given = given_names(graph, node)
        for name in definition.fixed.union(parameter.name for parameter in definition.parameters):
            self.constructor.modules.arguments.fixed |= names_in(given.get(name))

    def _rest_on_layer(self, value: LayerArgument, scope: Scope) -> None:
        read = layer_names(value.text)
        if "x" in read:
            read |= frozenset(INPUT_SIZES.values())
        known = scope.values.keys()
        is_plain = read <= {"x", *known, *scope.layers, *INPUT_SIZES.values(), *self.file.words}
        # a table's row has a name of its own, and may rest on anything
        self.constructor.modules.arguments.fixed |= read & known if is_plain else known

    # Parameters

    def _parameters(self, body: Sequence[str]) -> tuple[Parameter, ...]:
        """The names that the constructor reads: those without a default first."""
        read = names_read(body)
        used = {name for name in self.names if self.names[name] in read}
        known = self.constructor.modules.arguments.extras
        extras = [Parameter(name, "extra") for name in known if variable(name) in read]
        if not self.variant.is_block:
            ordered = [name for scope in self.variant.scopes for name in scope.values if name in used]
            return (*(Parameter(name, "scope") for name in dict.fromkeys(ordered)), *extras)
        sizes = [Parameter(name, "input") for name in INPUT_SIZES.values() if name in used]
        own = [Parameter(name, "block", default) for name, default in self._defaults() if name in used]
        required = [parameter for parameter in own if parameter.is_required]
        optional = [parameter for parameter in own if not parameter.is_required]
        return (*sizes, *required, *extras, *optional)

    def _defaults(self) -> list[tuple[str, Any]]:
        """The block's parameters with their defaults, `MISSING` for none."""
        block = self.file.block(self.variant.place[0])
        return [(name, self._default(name, value)) for name, value in block.parameters] if block else []

    def _default(self, name: str, value: Any) -> Any:
        if value is REQUIRED:
            return MISSING
        if not isinstance(value, LayerArgument):
            return plain(value)
        for scope in self.variant.scopes:
            factory = scope.values.get(name)
            if isinstance(factory, Factory) and scope.layers[name] == value.text:
                return factory
        return MISSING

    def declared(self, parameter: Parameter) -> Item:
        """A parameter as a signature declares it: `s: int = 1`."""
        modules = self.constructor.modules
        values = modules.arguments.extras.get(parameter.name, {}).values() or [
            scope.values.get(parameter.name, MISSING) for scope in self.variant.scopes
        ]
        known = [value for value in (*values, parameter.default) if value is not MISSING]
        declared = f"{variable(parameter.name)}: {annotation(known)}"
        if parameter.is_required:
            return Item(Text(declared))
        default = modules.expression(parameter.default)
        if not isinstance(default, Text) and isinstance(parameter.default, Factory):
            # a call has no place among the defaults, where it would be made once and for all in silence
            default = Text(self.file.add_constant(f"DEFAULT_{parameter.name.upper()}", default))
        return Item(default, f"{declared} = ")

    # Text

    def _class(self, definition: Definition, body: Sequence[str]) -> str:
        lines = [f"class {self.name}(nn.Module):", *docstring(self._about(), INDENT), ""]
        parameters = self._declared(definition)
        if body or len(parameters) > 1:
            lines += signature("def __init__", parameters, " -> None:", INDENT)
            lines += [" " * BODY + "super().__init__()", *body, ""]
        return "\n".join([*lines, *self._forward()]) + "\n"

    def _declared(self, definition: Definition) -> list[Item]:
        return [Item(Text("self")), *map(self.declared, definition.parameters)]

    def _about(self) -> list[str]:
        graphs = self.variant.graphs
        first = self._title()
        if len(set(map(_shapes, graphs))) == 1:
            return [f"{first}."]
        both = f"{first}; shapes are those of its first use."
        if len(both) <= WIDTH - INDENT - 2 * len(QUOTES):
            return [both]
        return [f"{first}.", "", "Shapes are those of its first use."]

    def _title(self) -> str:
        place = self.variant.place
        block = self.file.block(place[0])
        if self.variant.is_block:
            return f"The block `{spelled(block)}`" if block else f"The shared module `{place[0]}`"
        path = ".".join(word for word in place[1:] if word not in ("", MEMBER))
        what = "A member of" if MEMBER in place else "The stage" if not place[0] else "The step"
        return f"{what} `{path}`" + (f" of the block `{place[0]}`" if place[0] else "")

    def _forward(self) -> list[str]:
        wiring = self.file.variants.wiring
        takes, needs = wiring.takes(self.graph), wiring.needs(self.graph)
        names = self._input_names(needs)
        parameters = ["self", *(f"{names[number]}: Tensor" for number in takes)]
        parameters += [f"{variable(name)}: nn.Module" for name in needs]
        builder = ProgramBuilder(wiring, self.constructor.conditions, variable)
        program, values = builder.whole(self.variant.graphs)
        printer = ForwardPrinter(builder.shapes, map(variable, needs))
        inputs = {values[number]: names[number] for number in takes}
        body = printer.returning(program, inputs, BODY)
        return [*signature("def forward", parameters, " -> Tensor:", INDENT), *body]

    def _input_names(self, needs: Iterable[str]) -> tuple[str, ...]:
        known = self.file.variants.input_names.get(id(self.graph), ("x",))
        names = [*known, *("skip" for _ in self.graph.inputs[len(known) :])]
        shared = list(map(variable, needs))
        return input_variables([*shared, *names])[len(shared) :]


def _shapes(graph: Graph) -> tuple[Shape, ...]:
    """Every shape that the comments in a class may speak of."""
    return (*graph.inputs, *(node.output for _, node in nodes_of(graph)))


def names_read(body: Sequence[str]) -> frozenset[str]:
    """The names that statements read."""
    tree = ast.parse(textwrap.dedent("\n".join(body)))
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
