"""The statements of a printed class's constructor.

Modules are made in the order in which they run, conditions between layers are decided, and what the layout
rests on is asserted.

    self.conv_bn1 = ConvBn(in_channels, c, 1)
    self.is_identity = s == 1 and in_channels == c
    if not self.is_identity: …
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from netdsl.backends.arguments import Member
from netdsl.backends.formulas import Names, expression, truth
from netdsl.backends.layout import INDENT, WIDTH, condition, statement, width
from netdsl.backends.modules import File, Modules
from netdsl.backends.naming import checked, unused
from netdsl.backends.scopes import nodes_of
from netdsl.backends.variants import Variant
from netdsl.graph.formula import Formula
from netdsl.graph.graph import Choice, Graph, Group, Merge, Node, SharedUse, Use

BODY = 2 * INDENT
"""The columns before a statement of a method."""

LONG = 16
"""From how many characters on a formula that is needed again gets a variable."""

ANOTHER_LAYOUT = '"other arguments need another layout"'


class Constructor:
    """Prints the statements that make a class's modules, for all uses of the class at once."""

    def __init__(
        self, file: File, variant: Variant, names: Names, variables: Collection[str] | None = None
    ) -> None:
        """
        Args:
            names: what the spec's names are called in the printed source.
            variables: the only variables to make for longer formulas; None for every one that may be useful.
        """
        self.wiring = file.variants.wiring
        self.scopes = variant.scopes
        self.modules = Modules(file, variant, names)
        self.conditions: dict[int, str] = {}
        """The attribute that holds a choice's condition, by the identity of the choice's first node."""
        self._variables = variables
        self._taken = {node.name for graph in variant.graphs for _, node in nodes_of(graph)}

    def statements(self, members: Sequence[Member], indent: int = BODY) -> list[str]:
        """Assignments of modules to attributes, in the order in which they run."""
        lines: list[str] = []
        for index, node in enumerate(members[0].graph.nodes):
            if isinstance(node.operation, Choice):
                lines += self._choice(members, index, indent)
                continue
            if self._has_module(node):
                made = self.modules.node(members, index, node.name)
                lines += statement(f"self.{checked(node.name)} = ", made, indent)
            lines += self._variable(members, index) if indent == BODY else []
        return lines

    def _has_module(self, node: Node) -> bool:
        if isinstance(node.operation, Use | Group):
            return self.wiring.shared_module(node.operation.graph) is None
        return not isinstance(node.operation, Merge | SharedUse)

    # Variables for formulas

    def _variable(self, members: Sequence[Member], index: int) -> list[str]:
        """A variable for the channels that a node gives, where the formula is long."""
        outputs = [member.graph.nodes[index].output for member in members]
        if not all("c" in output for output in outputs):
            return []
        formula = self.modules.arguments.known([output.c for output in outputs], members)
        if not isinstance(formula, Formula) or formula in self.modules.locals:
            return []
        shorter = self.modules.with_locals(formula)
        name = unused(f"{members[0].graph.nodes[index].name}_channels", self._names())
        if len(str(shorter)) <= LONG or (self._variables is not None and name not in self._variables):
            return []
        lines = statement(f"{name} = ", self.modules.expression(formula), BODY)
        if len(lines) > 1:
            return []
        self.modules.locals[formula] = name
        return lines

    def _names(self) -> Iterator[str]:
        for scope in self.scopes:
            yield from scope.values
        yield from self.modules.arguments.extras
        yield from self.modules.locals.values()

    def useful_variables(self, lines: Sequence[str]) -> set[str]:
        """Those variables that are read more than once."""
        words = Counter(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", "\n".join(lines)))
        return {name for name in self.modules.locals.values() if words[name] > 2}

    # Choices

    def _choice(self, members: Sequence[Member], index: int, indent: int) -> list[str]:
        sides: dict[bool, list[Member]] = {True: [], False: []}
        for member in members:
            operation = member.graph.nodes[index].operation
            assert isinstance(operation, Choice)
            sides[operation.taken].append(replace(member, graph=operation.graph))
        node = members[0].graph.nodes[index]
        assert isinstance(node.operation, Choice)
        self.modules.arguments.fixed |= node.operation.condition.rests()
        formula = node.operation.condition.settled()
        if sides[True] and sides[False]:
            return self._both_sides(node, formula, sides, indent)
        taken = node.operation.taken
        if isinstance(formula, Formula) and self._holds(formula, taken, members):
            self.modules.require(formula if taken else Formula("not", (formula,)))
        else:
            self.modules.arguments.fixed |= node.operation.condition.names()
        return self.statements(sides[taken], indent)

    def _holds(self, formula: Formula, value: Any, members: Sequence[Member]) -> bool:
        return all(self.scopes[member.number].holds(formula, value) for member in members)

    def _both_sides(
        self, node: Node, formula: Formula, sides: dict[bool, list[Member]], indent: int
    ) -> list[str]:
        attribute = self._condition_name(sides[True][0].graph)
        self.conditions[id(node)] = attribute
        test = condition(expression(truth(formula), self.modules.names))
        lines = statement(f"self.{attribute} = ", test, indent)
        then, otherwise = (self._side(sides[side], indent + INDENT) for side in (True, False))
        margin = " " * indent
        if then:
            lines += [f"{margin}if self.{attribute}:", *then]
        if then and otherwise:
            lines += [f"{margin}else:", *otherwise]
        elif otherwise:
            lines += [f"{margin}if not self.{attribute}:", *otherwise]
        return lines

    def _side(self, members: Sequence[Member], indent: int) -> list[str]:
        """The statements of one side, with what must hold there alone."""
        outside, self.modules.required = self.modules.required, {}
        lines = self.statements(members, indent)
        lines = [*self.asserts(indent), *lines]
        self.modules.required = outside
        return lines

    def _condition_name(self, then: Graph) -> str:
        candidates = [] if then.nodes else ["is_identity"]
        candidates += [f"choice{number}" for number in range(1, len(self._taken) + 2)]
        name = next(name for name in candidates if name not in self._taken)
        self._taken.add(name)
        return name

    # What must hold

    def asserts(self, indent: int = BODY) -> list[str]:
        """Statements that refuse arguments for which the layout would be another."""
        lines: list[str] = []
        for formula in dict.fromkeys(map(truth, self.modules.required)):
            if not isinstance(formula, Formula):
                continue  # it always holds
            test = condition(expression(formula, self.modules.names))
            with_reason = f"{' ' * indent}assert {test.flat}, {ANOTHER_LAYOUT}"
            lines += [with_reason] if width(with_reason) <= WIDTH else statement("assert ", test, indent)
        return lines
