"""One class, or one function for a block that is a single module, as text.

    conv_bn(c, k, s=1)   →   class ConvBn(nn.Module):
                                 def __init__(self, in_channels: int, c: int, k: int, s: int = 1) -> None: …
                                 def forward(self, x: Tensor) -> Tensor: …
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netdsl.backends.arguments import MISSING, Member
from netdsl.backends.constructor import Constructor, Definition, File, Parameter
from netdsl.backends.forward import ForwardPrinter
from netdsl.backends.layout import (
    INDENT,
    WIDTH,
    Bracketed,
    Expression,
    Item,
    Text,
    call,
    signature,
    statement,
)
from netdsl.backends.naming import checked, input_variables, variable
from netdsl.backends.programs import ProgramBuilder
from netdsl.backends.scopes import INPUT_SIZES, Factory
from netdsl.backends.variants import Variant
from netdsl.graph.formula import Formula, plain
from netdsl.graph.graph import REQUIRED, Group, Head, LayerArgument, Signature
from netdsl.layers.layer import spell

BODY = 2 * INDENT
"""The columns before a statement of a method."""


class ClassPrinter:
    """Prints the class or function of one variant."""

    def __init__(self, file: File, variant: Variant, name: str) -> None:
        self.file = file
        self.variant = variant
        self.name = name
        self.graph = variant.graphs[0]
        self.is_function = file.variants.wiring.form(self.graph) == "single" and variant.is_block
        self.members = [Member(number, graph) for number, graph in enumerate(variant.graphs)]
        self.names = {name: variable(name) for scope in variant.scopes for name in scope.values}
        self.constructor = Constructor(file, variant, self.names, INDENT if self.is_function else BODY)

    def printed(self) -> tuple[str, Definition]:
        """The text, and what its callers need to know of it."""
        if self.is_function:
            made = self.constructor.module(self.members, self.name)
            body = statement("return ", made, INDENT)
        else:
            body = self.constructor.statements(self.members, BODY)
        self._require_layout()
        body = [line for lines in self.constructor.asserts.values() for line in lines] + body
        definition = Definition(self.name, self._parameters(body), self.constructor.arguments.extras)
        text = self._function(definition, body) if self.is_function else self._class(definition, body)
        return text, definition

    def _require_layout(self) -> None:
        """What lists were unrolled into holds for their length alone."""
        graphs, scopes = self.variant.graphs, self.variant.scopes
        for formula, value in self.graph.constraints:
            needed = Formula("==", (formula, plain(value)))
            if all((formula, value) in graph.constraints for graph in graphs) and all(
                scope.holds(needed, True) for scope in scopes
            ):
                self.constructor.require(needed)

    # Parameters

    def _parameters(self, body: Sequence[str]) -> tuple[Parameter, ...]:
        """The names that the constructor reads: those without a default first."""
        read = names_read(body)
        used = {name for name in self.names if self.names[name] in read}
        extras = [name for name in self.constructor.arguments.extras if variable(name) in read]
        if not self.variant.is_block:
            ordered = [name for scope in self.variant.scopes for name in scope.values if name in used]
            found = [Parameter(name, "scope") for name in dict.fromkeys(ordered)]
            return (*found, *(Parameter(name, "extra") for name in extras))
        sizes = [Parameter(name, "input") for name in INPUT_SIZES if name in used]
        own = [Parameter(name, "block", default) for name, default in self._defaults() if name in used]
        required = [parameter for parameter in own if parameter.is_required]
        optional = [parameter for parameter in own if not parameter.is_required]
        return (*sizes, *required, *(Parameter(name, "extra") for name in extras), *optional)

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
        values = self.constructor.arguments.extras.get(parameter.name, {}).values() or [
            scope.values.get(parameter.name, MISSING) for scope in self.variant.scopes
        ]
        known = [value for value in (*values, parameter.default) if value is not MISSING]
        declared = f"{variable(parameter.name)}: {annotation(known)}"
        if parameter.is_required:
            return Item(Text(declared))
        return Item(self.constructor.expression(parameter.default), f"{declared} = ")

    # Text

    def _function(self, definition: Definition, body: Sequence[str]) -> str:
        parameters = map(self.declared, definition.parameters)
        lines = signature(f"def {self.name}", parameters, " -> nn.Module:", 0)
        return "\n".join([*lines, *docstring(self._about(), INDENT), *body]) + "\n"

    def _class(self, definition: Definition, body: Sequence[str]) -> str:
        forward = self._forward()
        lines = [f"class {self.name}(nn.Module):", *docstring(self._about(), INDENT), ""]
        if body:
            parameters = (Item(Text("self")), *map(self.declared, definition.parameters))
            lines += signature("def __init__", parameters, " -> None:", INDENT)
            lines += [" " * BODY + "super().__init__()", *body, ""]
        return "\n".join([*lines, *forward]) + "\n"

    def _about(self) -> list[str]:
        graphs, place = self.variant.graphs, self.variant.place
        block = self.file.block(place[0])
        if self.variant.is_block:
            first = f"The block `{spelled(block)}`." if block else f"The shared module `{place[0]}`."
        else:
            path = ".".join(part for part in place[1:] if part)
            first = f"`{path}` of the block `{place[0]}`." if place[0] else f"The stage `{path}`."
        if not self.is_function and len({(*graph.inputs, graph.output) for graph in graphs}) > 1:
            both = f"{first.removesuffix('.')}; shapes are those of its first use."
            fits = len(both) <= WIDTH - INDENT - len('""""""')
            return [both] if fits else [first, "", "Shapes are those of its first use."]
        return [first]

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


class NetworkPrinter(ClassPrinter):
    """Prints the class of the network itself: the spec's parameters, its shared modules and its heads."""

    def __init__(self, file: File, name: str) -> None:
        network = file.variants.network
        super().__init__(file, file.variants.of(network.graph, file.variants.root), name)
        self.network = network
        self.training_heads = [head for head in network.heads if not head.keep]
        self.kept_heads = [head for head in network.heads if head.keep]

    def printed(self) -> tuple[str, Definition]:
        shared = [line for name, _ in self.network.shared for line in self._shared(name)]
        body = [*shared, *self.constructor.statements(self.members, BODY)]
        body += [line for head in self.kept_heads for line in self._head(head, BODY)]
        if self.training_heads:
            body += [" " * BODY + "self.heads = heads", " " * BODY + "if heads:"]
            body += [line for head in self.training_heads for line in self._head(head, BODY + INDENT)]
        self._require_layout()
        body = [line for lines in self.constructor.asserts.values() for line in lines] + body
        definition = Definition(self.name, self._parameters(body), {})
        return self._class(definition, body), definition

    def _parameters(self, body: Sequence[str]) -> tuple[Parameter, ...]:
        read = names_read(body)
        values = self.variant.scopes[0].values.items()
        return tuple(Parameter(name, "block", value) for name, value in values if self.names[name] in read)

    def _shared(self, name: str) -> list[str]:
        graph = dict(self.network.shared)[name]
        made = self.constructor.shared(graph)
        return statement(f"self.{checked(name)} = ", made, BODY)

    def _head(self, head: Head, indent: int) -> list[str]:
        assert isinstance(head.node.operation, Group)
        made = self.constructor.module([Member(0, head.node.operation.graph)], head.name)
        return statement(f"self.{checked(head.name)} = ", made, indent)

    def _class(self, definition: Definition, body: Sequence[str]) -> str:
        lines = [f"class {self.name}(nn.Module):", *docstring(self._about(), INDENT), ""]
        heads = [Item(Text("heads: bool = False"))] if self.training_heads else []
        parameters = [Item(Text("self")), *map(self.declared, definition.parameters), *heads]
        lines += signature("def __init__", parameters, " -> None:", INDENT)
        lines += [" " * BODY + "super().__init__()", *body, "", *self._forward()]
        return "\n".join(lines) + "\n"

    def _about(self) -> list[str]:
        graph, names = self.network.graph, self.network.input_names
        inputs = [f"`{batch(shape)}`" for shape in graph.inputs]
        if len(names) > 1:
            inputs = [f"{name} {shape}" for name, shape in zip(names, inputs, strict=True)]
        lines = [f"Input {', '.join(inputs)}, output `{batch(graph.output)}`."]
        if self.network.heads:
            lines += ["", *self._about_heads()]
        return lines

    def _about_heads(self) -> list[str]:
        if self.kept_heads:
            listed = ", ".join(f"`{head.name}`" for head in self.kept_heads)
            lines = [f"Gives a dictionary with `output` and {listed}."]
        else:
            lines = []
        if self.training_heads:
            listed = ", ".join(f"`{head.name}`" for head in self.training_heads)
            lines += [f"Built with heads, it gives a dictionary with `output`, {listed} while training."]
        return lines

    def _forward(self) -> list[str]:
        wiring = self.file.variants.wiring
        names = self._input_names(())
        parameters = ["self", *(f"{name}: Tensor" for name in names)]
        builder = ProgramBuilder(wiring, self.constructor.conditions, lambda name: f"self.{checked(name)}")
        program, values = builder.whole(self.variant.graphs)
        printer = ForwardPrinter(builder.shapes, names if len(names) > 1 else ())
        inputs = dict(zip(values, names, strict=False))
        if not self.network.heads:
            body = printer.returning(program, inputs, BODY)
            return [*signature("def forward", parameters, " -> Tensor:", INDENT), *body]
        takes = {h.name: [values[number] for number in wiring.node_takes(h.node)] for h in self.network.heads}
        held = frozenset(value for taken in takes.values() for value in taken) | {program.result}
        body, variables = printer.keeping(program, inputs, BODY, held)
        calls: dict[str, Expression] = {"output": Text(variables[program.result])}
        for head in self.network.heads:
            given = [*(variables[value] for value in takes[head.name]), *self._needs(head)]
            calls[head.name] = call(f"self.{checked(head.name)}", *(Item(Text(name)) for name in given))
        body += self._outputs(calls)
        returned = "dict[str, Tensor]" if self.kept_heads else "Tensor | dict[str, Tensor]"
        return [*signature("def forward", parameters, f" -> {returned}:", INDENT), *body]

    def _needs(self, head: Head) -> list[str]:
        return [f"self.{checked(name)}" for name in self.file.variants.wiring.node_needs(head.node)]

    def _outputs(self, calls: Mapping[str, Expression]) -> list[str]:
        """What `forward` gives: the heads that are kept, and while training those that were built for it."""
        entries = {name: Item(value, f'"{name}": ') for name, value in calls.items()}
        kept = ("output", *(head.name for head in self.kept_heads))
        lines = []
        if self.training_heads:
            everything = Bracketed("{", tuple(entries.values()), "}")
            lines += [" " * BODY + "if self.heads and self.training:"]
            lines += statement("return ", everything, BODY + INDENT)
        always = Bracketed("{", tuple(entries[name] for name in kept), "}")
        return [*lines, *statement("return ", always if self.kept_heads else calls["output"], BODY)]


def names_read(body: Sequence[str]) -> frozenset[str]:
    """The names that statements read."""
    tree = ast.parse(textwrap.dedent("\n".join(body)))
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def annotation(values: Iterable[Any]) -> str:
    """The type of some values: `int`, `tuple[int, ...]`, `int | None`."""
    kinds = dict.fromkeys(map(_type_of, values))
    if "float" in kinds:
        kinds.pop("int", None)  # a type checker takes a whole number for a float
    return " | ".join(kinds)


def _type_of(value: Any) -> str:
    if isinstance(value, Factory):
        return "Callable[[], nn.Module]"
    value = plain(value)
    if isinstance(value, tuple):
        return f"tuple[{annotation(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__


def batch(shape: Any) -> str:
    """A batch of samples, as a docstring names its shape."""
    return f"({', '.join(['batch', *(str(int(size)) for size in shape.sizes)])})"


def spelled(block: Signature) -> str:
    """A block's signature as the spec spells it."""
    parts = []
    for name, default in block.parameters:
        value = default.text if isinstance(default, LayerArgument) else spell(default)
        parts.append(name if default is REQUIRED else f"{name}={value}")
    return f"{block.name}({', '.join(parts)})" if parts else block.name


def docstring(paragraphs: Sequence[str], indent: int) -> list[str]:
    """The lines of a docstring; text of any kind becomes harmless and is wrapped."""
    margin = " " * indent
    lines: list[str] = []
    for paragraph in paragraphs:
        width = WIDTH - indent - len('""""""')
        lines += textwrap.wrap(harmless(paragraph), width, break_on_hyphens=False) or [""]
    if len(lines) == 1:
        return [f'{margin}"""{lines[0]}"""']
    spaced = [margin + line if line else "" for line in lines[1:]]
    return [f'{margin}"""{lines[0]}', *spaced, f'{margin}"""']


def harmless(text: str) -> str:
    """Text that cannot end a docstring or hide in one."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.replace("\\", "\\\\").replace('"""', "'''").split())
