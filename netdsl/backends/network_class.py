"""The class of the network itself: the last of a printed source.

Its arguments are the spec's parameters, with the spec's values as defaults. It registers the shared modules
and hands them down, and builds the heads: those for training only where `heads` asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netdsl.backends.arguments import Member
from netdsl.backends.classes import ClassPrinter, names_read
from netdsl.backends.constructor import BODY
from netdsl.backends.forward import ForwardPrinter
from netdsl.backends.layout import INDENT, Bracketed, Expression, Item, Text, call, signature, statement
from netdsl.backends.modules import Definition, File, Parameter
from netdsl.backends.naming import checked
from netdsl.backends.programs import ProgramBuilder
from netdsl.backends.prose import batch
from netdsl.backends.scopes import nodes_of
from netdsl.graph.graph import Graph, Group, Head, Node, SharedUse


class NetworkPrinter(ClassPrinter):
    """Prints the class of the network."""

    def __init__(self, file: File, name: str) -> None:
        network = file.variants.network
        self.network = network
        self.training_heads = [head for head in network.heads if not head.keep]
        self.kept_heads = [head for head in network.heads if head.keep]
        super().__init__(file, file.variants.of(network.graph, file.variants.root), name)

    def _body(self) -> list[str]:
        modules = self.constructor.modules
        lines = []
        for name, graph in self.network.shared:
            made = modules.shared(graph, self._uses(name, graph))
            lines += statement(f"self.{checked(name)} = ", made, BODY)
        lines += self.constructor.statements(self.members)
        for head in self.kept_heads:
            lines += self._head(head, BODY)
        if self.training_heads:
            lines.append(" " * BODY + "self.heads = heads")
        inside = [line for head in self.training_heads for line in self._head(head, BODY + INDENT)]
        return [*lines, *([" " * BODY + "if heads:", *inside] if inside else [])]

    def _rest_on_others(self) -> None:
        super()._rest_on_others()
        for head in self.network.heads:
            self._rest_on_others_in(_graph(head), self.variant.scopes[0])

    def _rest_on_shared(self, graph: Graph, node: Node) -> None:
        assert isinstance(node.operation, SharedUse)
        if node.operation.graph is not dict(self.network.shared)[node.operation.name]:
            super()._rest_on_shared(graph, node)  # it was made for what another use gives

    def _uses(self, shared: str, graph: Graph) -> list[tuple[Graph, Node]]:
        """The uses of a shared module on this graph outside of blocks."""
        outermost = [self.network.graph, *map(_graph, self.network.heads)]
        return [
            (inside, node)
            for outer in outermost
            for inside, node in nodes_of(outer)
            if isinstance(node.operation, SharedUse)
            and node.operation.name == shared
            and node.operation.graph is graph
        ]

    def _head(self, head: Head, indent: int) -> list[str]:
        """The module of a head; none where it is a stage as it is, or a shared module on it."""
        graph, wiring = _graph(head), self.file.variants.wiring
        if wiring.form(graph) == "identity" or wiring.shared_module(graph) is not None:
            return []
        made = self.constructor.modules.module([Member(0, graph)], head.name)
        return statement(f"self.{checked(head.name)} = ", made, indent)

    def _parameters(self, body: Sequence[str]) -> tuple[Parameter, ...]:
        read = names_read(body)
        values = self.variant.scopes[0].values.items()
        return tuple(Parameter(name, "block", value) for name, value in values if self.names[name] in read)

    def _declared(self, definition: Definition) -> list[Item]:
        heads = [Item(Text("heads: bool = False"))] if self.training_heads else []
        return [*super()._declared(definition), *heads]

    def _about(self) -> list[str]:
        graph, names = self.network.graph, self.network.input_names
        output = f"`{batch(graph.output)}`"
        if len(names) == 1:
            lines = [f"Input `{batch(graph.inputs[0])}`, output {output}."]
        else:
            inputs = zip(names, graph.inputs, strict=True)
            listed = [f"Input `{name}`: `{batch(shape)}`." for name, shape in inputs]
            lines = ["Takes several inputs.", "", *listed, f"Output: {output}."]
        if self.network.heads:
            lines += ["", *self._about_heads()]
        return lines

    def _about_heads(self) -> list[str]:
        kept = ", ".join(f"`{head.name}`" for head in self.kept_heads)
        trained = ", ".join(f"`{head.name}`" for head in self.training_heads)
        lines = [f"Gives a dictionary with `output`, {kept}."] if kept else []
        if trained:
            lines += [f"Built with heads, it gives a dictionary with {trained} as well while training."]
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
            calls[head.name] = self._call(head, [variables[value] for value in takes[head.name]])
        body += self._outputs(calls)
        returned = "dict[str, Tensor]" if self.kept_heads else "Tensor | dict[str, Tensor]"
        return [*signature("def forward", parameters, f" -> {returned}:", INDENT), *body]

    def _call(self, head: Head, given: Sequence[str]) -> Expression:
        """What a head gives for these values."""
        graph, wiring = _graph(head), self.file.variants.wiring
        if wiring.form(graph) == "identity":
            return Text(given[0])
        shared = wiring.shared_module(graph)
        needs = [f"self.{checked(name)}" for name in wiring.node_needs(head.node) if name != shared]
        return call(f"self.{checked(shared or head.name)}", *(Item(Text(name)) for name in (*given, *needs)))

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


def _graph(head: Head) -> Graph:
    assert isinstance(head.node.operation, Group)
    return head.node.operation.graph
