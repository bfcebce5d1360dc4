"""The body of `forward`: the steps of a scope as short statements that read from top to bottom.

Calls of which each takes what the last one gave are nested, up to three, with at most one change of shape
to a line, which the comment behind it states. A value that is needed again keeps its variable; otherwise
the next value takes the variable over.

    x = self.relu1(self.conv_bn1(x))  # 64×28×28
    return self.relu2(x + shortcut)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from netdsl.backends.layout import (
    INDENT,
    WIDTH,
    Expression,
    Item,
    Operation,
    Text,
    call,
    laid_out,
    statement,
    tuple_of,
    width,
)
from netdsl.backends.naming import is_identifier, variable
from netdsl.backends.programs import Program, Step
from netdsl.graph.graph import Group as GroupOperation
from netdsl.graph.graph import MergeKind
from netdsl.graph.graph import Use as UseOperation
from netdsl.graph.shapes import Shape

OPERATORS: Mapping[MergeKind, str] = {"add": "+", "sub": "-", "mul": "*"}

MOST_NESTED = 3
"""Calls that may stand in one expression."""


@dataclass(eq=False)
class _Pending:
    """An expression that has not been written yet, since the next step may take it in."""

    step: Step
    value: Expression
    first: int
    """The value that goes in first: the one that the line goes on from."""
    nested: int = 1
    changes: int = 0
    """How often the shape changes inside."""
    is_sealed: bool = False
    """Whether it gets a line of its own."""


@dataclass(eq=False)
class _Variables:
    """Which variable holds which value."""

    names: dict[int, str] = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)

    def assign(self, name: str, value: int) -> None:
        self.names[value] = name
        self.holders[name] = value

    def copy(self) -> _Variables:
        return _Variables(dict(self.names), dict(self.holders))


class ForwardPrinter:
    """Prints the statements of one `forward`."""

    def __init__(self, shapes: Mapping[int, Mapping[int, Shape]], fixed: Iterable[str] = ()) -> None:
        """
        Args:
            shapes: the shape of every value, by the number of the class's use; comments show the first.
            fixed: variables that keep their value, such as a network's named inputs.
        """
        self.shapes = shapes
        self.fixed = frozenset(fixed)
        self.captured: frozenset[str] = frozenset()
        """Variables that are called by what came from further up."""
        self.recalled: set[int] = set()
        """Values whose variable is called by their stage's name, and is not used for others."""

    def changes(self, before: int, after: int) -> bool:
        """Whether two values differ in shape, in some use of the class that has both."""
        first, second = self.shapes[before], self.shapes[after]
        return any(first[use] != second[use] for use in first.keys() & second.keys())

    def comment(self, value: int) -> str:
        return str(next(iter(self.shapes[value].values())))

    def returning(self, program: Program, inputs: Mapping[int, str], indent: int) -> list[str]:
        """The statements, ending in a `return` of the result."""
        self.captured = frozenset(inputs.values()) - {"x"}
        return _Block(self, program, _started(inputs), frozenset(), indent).lines("return ")

    def keeping(
        self, program: Program, inputs: Mapping[int, str], indent: int, kept: frozenset[int]
    ) -> tuple[list[str], Mapping[int, str]]:
        """The statements, and the variables that hold the result and the values to keep at their end."""
        block = _Block(self, program, _started(inputs), kept, indent)
        lines = block.lines("")
        return lines, block.variables.names


def _started(inputs: Mapping[int, str]) -> _Variables:
    variables = _Variables()
    for value, name in inputs.items():
        variables.assign(name, value)
    return variables


class _Block:
    """The statements of one program; the sides of a choice are blocks inside of a block."""

    def __init__(
        self,
        printer: ForwardPrinter,
        program: Program,
        variables: _Variables,
        held: frozenset[int],
        indent: int,
    ) -> None:
        self.printer = printer
        self.program = program
        self.variables = variables
        self.held = held
        self.indent = indent
        self.written: list[str] = []
        self.pending: _Pending | None = None
        self.readers: dict[int, list[int]] = defaultdict(list)
        """The steps that read each value, by their place; the result is read at the very end."""
        for place, step in enumerate(program.steps):
            for value in dict.fromkeys(step.values_read):
                self.readers[value].append(place)
        self.readers[program.result].append(len(program.steps))
        self.places = {step.output: place for place, step in enumerate(program.steps)}

    def lines(self, ending: str) -> list[str]:
        """All statements.

        Args:
            ending: what the result is put behind, `return ` or `name = `; nothing leaves it in its variable.
        """
        result = self.program.result
        for step in self.program.steps:
            if step.sides:
                self._flush()
            if step.sides and not self._is_short(step):
                is_end = bool(ending) and step is self.program.steps[-1] and result == step.output
                self._branch(step, ending if is_end else "")
                if is_end:
                    return self.written
            else:
                self._take(step)
        if self.pending is not None and self.pending.step.output == result and ending:
            self._write(ending, self.pending)
            return self.written
        self._flush()
        if ending and ending != f"{self.variables.names[result]} = ":
            self.written += statement(ending, Text(self.variables.names[result]), self.indent)
        return self.written

    # Expressions

    def _take(self, step: Step) -> None:
        """Puts the next step into the expression before it, or begins a new one."""
        before = self.pending
        if before is not None:
            joined = self._joined(before, step)
            if joined is not None:
                self.pending = joined
                return
            self._flush()
        changes = int(self.printer.changes(step.inputs[0], step.output))
        # the sides of a choice read what they need themselves, which may not be the current tensor
        read = () if step.sides else step.inputs
        value = self._expression(step, [Text(self.variables.names[number]) for number in read])
        is_stage = isinstance(step.node.operation, GroupOperation) and step.node.operation.is_stage
        self.pending = _Pending(step, value, step.inputs[0], 1, changes, is_stage or bool(step.sides))

    def _joined(self, before: _Pending, step: Step) -> _Pending | None:
        output = before.step.output
        is_only_reader = self.readers[output] == [self.places[step.output]] and output not in self.held
        if before.is_sealed or step.sides or not is_only_reader or step.inputs.count(output) != 1:
            return None
        if isinstance(step.node.operation, GroupOperation) and step.node.operation.is_stage:
            return None
        changes = before.changes + int(self.printer.changes(output, step.output))
        if step.kind is not None and (before.step.kind is not None or before.nested > 1 or changes):
            return None
        if before.nested == MOST_NESTED or changes > 1 or (step.kind is None and step.inputs[0] != output):
            return None
        operands = [
            before.value if number == output else Text(self.variables.names[number]) for number in step.inputs
        ]
        value = self._expression(step, operands)
        first = before.first if step.kind is None else step.inputs[0]
        if first == output:
            first = before.first
        joined = _Pending(step, value, first, before.nested + 1, changes)
        return joined if self._fits(value, step.output if changes else None) else None

    def _fits(self, value: Expression, output: int | None) -> bool:
        """Whether an expression fits into a line, with room for a variable and for the output's shape."""
        remark = "" if output is None else f"  # {self.printer.comment(output)}"
        return self.indent + width(f"shortcut = {value.flat}{remark}") <= WIDTH

    def _expression(self, step: Step, operands: Sequence[Expression]) -> Expression:
        if step.sides:
            then, otherwise = (self._short(side) for side in step.sides)
            return Operation(then, (("if", Text(f"self.{step.condition}")), ("else", otherwise)))
        if step.kind == "concat":
            return call("torch.cat", Item(tuple_of(*operands)), Item(Text(str(step.axis))))
        if step.kind is not None:
            operator = OPERATORS[step.kind]
            return Operation(operands[0], tuple((operator, operand) for operand in operands[1:]))
        arguments = [*operands, *map(Text, step.handed_on)]
        return call(step.module, *map(Item, arguments))

    def _is_short(self, step: Step) -> bool:
        """Whether a choice can be written as `a if condition else b`."""
        for side in step.sides:
            if len(side.steps) > 1 or any(inner.sides or inner.kind for inner in side.steps):
                return False
        return self._fits(self._expression(step, []), step.output)

    def _short(self, side: Program) -> Expression:
        if not side.steps:
            return Text(self.variables.names[side.result])
        step = side.steps[0]
        return self._expression(step, [Text(self.variables.names[number]) for number in step.inputs])

    # Statements

    def _flush(self) -> None:
        if self.pending is None:
            return
        pending, self.pending = self.pending, None
        place = self.places[pending.step.output]
        if not self.readers[pending.step.output] and pending.step.output not in self.held:
            self.written += laid_out(pending.value, self.indent)  # it runs, and nobody wants what it gives
            return
        name = self._name(pending.step, pending.first, place)
        if not self._write_one_side(pending, name):
            self._write(f"{name} = ", pending)
        self.variables.assign(name, pending.step.output)

    def _write(self, start: str, pending: _Pending) -> None:
        output = pending.step.output
        comment = self.printer.comment(output) if self.printer.changes(pending.first, output) else ""
        self.written += statement(start, pending.value, self.indent, comment)

    def _write_one_side(self, pending: _Pending, name: str) -> bool:
        """A choice of which one side leaves its variable as it is, as an `if` with the other side alone."""
        sides = pending.step.sides
        idle = [side for side in sides if not side.steps and self.variables.names[side.result] == name]
        if len(idle) != 1:
            return False
        busy = sides[0] if idle[0] is sides[1] else sides[1]
        negation = "" if busy is sides[0] else "not "
        self.written.append(f"{' ' * self.indent}if {negation}self.{pending.step.condition}:")
        value, output = self._short(busy), pending.step.output
        comment = self.printer.comment(output) if self.printer.changes(pending.first, output) else ""
        self.written += statement(f"{name} = ", value, self.indent + INDENT, comment)
        return True

    def _branch(self, step: Step, ending: str) -> None:
        """A choice as an `if` statement."""
        place = self.places[step.output]
        name = "" if ending else self._name(step, step.inputs[0], place)
        target = ending or f"{name} = "
        held = self.held | {value for value in self.readers if self._is_needed(value, place)}
        bodies = []
        for side in step.sides:
            block = _Block(self.printer, side, self.variables.copy(), held, self.indent + INDENT)
            bodies.append(block.lines(target))
        then, otherwise = bodies
        margin = " " * self.indent
        if then:
            self.written += [f"{margin}if self.{step.condition}:", *then]
        if otherwise and then and ending != "return ":
            self.written += [f"{margin}else:", *otherwise]
        elif otherwise and then:
            self.written += [line.removeprefix(" " * INDENT) for line in otherwise]
        elif otherwise:
            self.written += [f"{margin}if not self.{step.condition}:", *otherwise]
        if name:
            self.variables.assign(name, step.output)

    # Names of variables

    def _is_needed(self, value: int, place: int) -> bool:
        """Whether a value is read after a step."""
        return value in self.held or any(reader > place for reader in self.readers[value])

    def _name(self, step: Step, first: int, place: int) -> str:
        """The variable for what a statement gives."""
        needed = {name for name, value in self.variables.holders.items() if self._is_needed(value, place)}
        needed |= self.printer.fixed
        for name in self._candidates(step, first, place):
            if name not in needed:
                return name
        raise AssertionError("there is always a free name")

    def _candidates(self, step: Step, first: int, place: int) -> Iterator[str]:
        operation, name = step.node.operation, step.node.name
        if isinstance(operation, GroupOperation) and self._is_recalled(step.output, place):
            yield variable(name)
        is_branching = len(self.readers[first]) + (first in self.held) > 1
        branch = self._branch_name(step.output, first) if is_branching else None
        if branch is not None:
            yield branch
        word = name.rstrip("0123456789")
        if is_branching and isinstance(operation, UseOperation) and self._is_merged_next(step.output):
            yield variable(word) if is_identifier(word) else name
        if not self._is_needed(first, place) and first not in self.printer.recalled:
            before = self.variables.names[first]
            if step.kind is None or before not in self.printer.captured:  # merged, it is no longer that
                yield before
        yield from ("x", "y")
        yield from (f"y{number}" for number in count(2))

    def _is_recalled(self, value: int, place: int) -> bool:
        """Whether a value is read by more than the next step as its current tensor."""
        is_next = self.readers[value] == [place + 1] and place + 1 < len(self.program.steps)
        if is_next and self.program.steps[place + 1].inputs[:1] == (value,) and value not in self.held:
            return False
        self.printer.recalled.add(value)
        return True

    def _is_merged_next(self, value: int) -> bool:
        readers = self.readers[value]
        return all(place < len(self.program.steps) and self.program.steps[place].kind for place in readers)

    def _branch_name(self, value: int, origin: int) -> str | None:
        """What a value is called that is on its way from a branching into a merge."""
        while len(self.readers[value]) == 1 and self.readers[value][0] < len(self.program.steps):
            step = self.program.steps[self.readers[value][0]]
            if step.kind is not None:
                place = step.inputs.index(value)
                if (step.kind == "concat" or len(step.inputs) > 2) and origin not in step.inputs:
                    return f"branch{place + 1}"
                return "gate" if step.kind == "mul" and place > 0 else None
            if step.sides or step.inputs[0] != value:
                return None
            value = step.output
        return None
