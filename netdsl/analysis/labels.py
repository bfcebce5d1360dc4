"""The names of modules: each layer of a body is called by its word and numbered in reading order.

Labels depend on the text alone, not on which branch of a condition is taken, so that the weights of
`conv2` keep their name when a parameter changes.

    conv(64, 3) -> relu -> conv(64, 3)   →   conv1, relu1, conv2
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netdsl.language import syntax

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "|": "concat"}

OPERATOR_OF = {kind: operator for operator, kind in OPERATORS.items()}

Labels = dict[tuple[int, str], str]
"""The label of a syntax node, by the node's identity and the word that it is called by."""


def label_body(body: syntax.Body, taken_already: Iterable[str] = ()) -> Labels:
    """The label of everything in a body that may become a module, named steps not included: those are bodies
    of their own."""
    taken = {*taken_already, *(stage.name for stage in named_steps(body))}
    counts: dict[str, int] = {}
    labels: Labels = {}
    found: list[tuple[syntax.Node, str]] = []
    _gather(body, found)
    for node, word in found:
        number = counts.get(word, 0) + 1
        while f"{word}{number}" in taken:
            number += 1
        counts[word] = number
        taken.add(f"{word}{number}")
        labels[id(node), word] = f"{word}{number}"
    return labels


def indexed_word(index: syntax.Index) -> str:
    """What the layer `layers[0]` is called by."""
    return index.value.name if isinstance(index.value, syntax.Name) else "item"


def named_steps(body: syntax.Body) -> Iterator[syntax.Stage]:
    """The steps whose names belong to a body itself, not to a step inside of it."""
    match body:
        case syntax.Stages(items=items):
            yield from items
        case syntax.Sequence(items=bodies) | syntax.Merge(branches=bodies):
            for inner in bodies:
                yield from named_steps(inner)


def _gather(body: syntax.Body, found: list[tuple[syntax.Node, str]]) -> None:
    """Adds every node that may become a module or a merge, in reading order, with its word."""
    match body:
        case syntax.Number():
            pass
        case syntax.Name(name=name):
            found.append((body, name))
        case syntax.Call(name=name, arguments=arguments):
            found.append((body, name))
            for argument in arguments:
                _gather(argument.value, found)
        case syntax.Chain(steps=items) | syntax.Listing(items=items) | syntax.Sequence(items=items):
            for item in items:
                _gather(item, found)
        case syntax.Merge(kind=kind, branches=bodies):
            for inner in bodies:
                _gather(inner, found)
            found.append((body, kind))
        case syntax.Binary(operator=operator, left=left, right=right):
            _gather(left, found)
            _gather(right, found)
            if operator in OPERATORS:
                found.append((body, OPERATORS[operator]))
            if operator == "*" and not isinstance(left, syntax.Name | syntax.Call):
                found.append((body, "series"))  # whether it is a gate or a repeat is not known here
        case syntax.Conditional(then=then, condition=condition, otherwise=otherwise):
            _gather(then, found)
            _gather(condition, found)
            _gather(otherwise, found)
        case syntax.Generator(element=element):
            _gather(element, found)
            if not isinstance(element, syntax.Name | syntax.Call):
                found.append((body, "series"))
        case syntax.Index():
            found.append((body, indexed_word(body)))
        case syntax.Negate(operand=operand) | syntax.Not(operand=operand):
            _gather(operand, found)
        case _:
            return
