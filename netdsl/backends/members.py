"""Classes for modules that stand one after another or beside each other and are merged.

torch has `nn.Sequential` for the plain case. What it lacks is printed: the members of a fan, whose outputs
are merged, and a series whose members take more than the current tensor, such as one from further up.

    class Concat(nn.ModuleList):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([branch(x) for branch in self], 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from netdsl.backends.forward import OPERATORS
from netdsl.backends.layout import INDENT, Item, Operation, Text, call, signature, statement, tuple_of
from netdsl.backends.naming import class_name, variable
from netdsl.backends.variants import Variants
from netdsl.backends.wiring import channel_axis
from netdsl.graph.graph import Child, Fan, MergeKind, Node, Series

_FANS: dict[MergeKind, tuple[str, str]] = {
    "concat": ("Concat", "side by side"),
    "add": ("Sum", "added"),
    "sub": ("Difference", "subtracted from the first's"),
    "mul": ("Product", "multiplied"),
}


@dataclass(frozen=True)
class _Call:
    """How a member is called."""

    module: str
    arguments: tuple[str, ...]
    count: int

    @property
    def text(self) -> str:
        return f"{self.module}({', '.join(self.arguments)})"


class _File(Protocol):
    variants: Variants

    def add_class(self, name: str, source: str) -> str: ...


class MemberClasses:
    """The classes of series and fans in one source, each text once."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.wiring = file.variants.wiring
        self._names: dict[str, str] = {}

    def has_shared(self, children: Sequence[Child]) -> bool:
        """Whether some of the members are uses of shared modules, so that the others are named by number."""
        return any(self.wiring.shared_module(child.graph) is not None for child in children)

    def series(self, hint: str, series: Series, node: Node) -> str | None:
        """The class of a series; None where `nn.Sequential` does."""
        children = series.children
        takes = {self.wiring.child_takes(child) for child in children}
        if takes <= {(0,)} and not any(self.wiring.needs(child.graph) for child in children):
            return None
        calls = self._calls(children, node)
        body = []
        if self._is_uniform(calls, children):
            body = ["for module in self:", f"    x = module({', '.join(calls[0].arguments)})"]
        else:
            for one in calls:
                body += [f"x = {one.text}"] * one.count
        about = "The modules one after another."
        name = hint if hint.startswith("series") else f"{hint}_series"
        return self._class(name, about, children, node, [*body, "return x"])

    def fan(self, fan: Fan, node: Node) -> str:
        """The class of a fan."""
        calls = self._calls(fan.children, node)
        axis = channel_axis(node.output)
        name, how = _FANS[fan.kind]
        is_uniform = self._is_uniform(calls, fan.children)
        arguments = ", ".join(calls[0].arguments)
        if is_uniform and fan.kind == "concat":
            body = [f"return torch.cat([branch({arguments}) for branch in self], {axis})"]
        elif is_uniform:
            operator = OPERATORS[fan.kind]
            body = [
                f"first, *others = [branch({arguments}) for branch in self]",
                "for other in others:",
                f"    first = first {operator} other",
                "return first",
            ]
        else:
            outputs = [Text(one.text) for one in calls]
            merged = call("torch.cat", Item(tuple_of(*outputs)), Item(Text(str(axis))))
            if fan.kind != "concat":
                rest = tuple((OPERATORS[fan.kind], output) for output in outputs[1:])
                body = statement("return ", Operation(outputs[0], rest), 2 * INDENT)
            else:
                body = statement("return ", merged, 2 * INDENT)
            body = [line[2 * INDENT :] for line in body]
        return self._class(name, f"What the modules make of the same input, {how}.", fan.children, node, body)

    def _is_uniform(self, calls: Sequence[_Call], children: Sequence[Child]) -> bool:
        return not self.has_shared(children) and len({one.arguments for one in calls}) == 1

    def _calls(self, children: Sequence[Child], node: Node) -> list[_Call]:
        """How each member is called, by its number in the list."""
        names = self.file.variants.value_names[id(node)]
        calls = []
        position = 0
        for child in children:
            shared = self.wiring.shared_module(child.graph)
            needs = [variable(name) for name in self.wiring.needs(child.graph) if name != shared]
            arguments = (*(names[number] for number in self.wiring.child_takes(child)), *needs)
            place = f'"{position}"' if self.has_shared(children) else str(position)
            module = f"self[{place}]" if shared is None else variable(shared)
            calls.append(_Call(module, arguments, child.count))
            position += child.count
        return calls

    def _class(
        self, hint: str, about: str, children: Sequence[Child], node: Node, body: Sequence[str]
    ) -> str:
        names = self.file.variants.value_names[id(node)]
        read = {0} if isinstance(node.operation, Series) else set()
        read |= {number for child in children for number in self.wiring.child_takes(child)}
        parameters = ["self", *(f"{names[number]}: Tensor" for number in sorted(read))]
        parameters += [f"{variable(name)}: nn.Module" for name in self.wiring.node_needs(node)]
        base = "nn.ModuleDict" if self.has_shared(children) else "nn.ModuleList"
        lines = [f"class {{name}}({base}):", f'    """{about}"""', ""]
        lines += signature("def forward", parameters, " -> Tensor:", INDENT)
        text = "\n".join([*lines, *(" " * 2 * INDENT + line for line in body)]) + "\n"
        if text not in self._names:
            self._names[text] = self.file.add_class(class_name(hint), text)
        return self._names[text]
