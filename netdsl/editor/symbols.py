"""The names of a spec with every place that they stand at, for going to them and for renaming them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from netdsl.diagnostics import Source, Span
from netdsl.language import syntax
from netdsl.records import record

Scope = Mapping[str, Span]
"""What names mean somewhere: each with the place of its declaration, which tells one symbol from another."""


@record
class Occurrence:
    """A name somewhere."""

    span: Span
    declaration: Span
    """Where the name is declared."""


def occurrences(spec: syntax.Spec) -> list[Occurrence]:
    """Every name of a spec that is declared in its text or in those it extends."""
    return list(_Reader(spec).read())


def at(found: list[Occurrence], source: Source, offset: int) -> Occurrence | None:
    """The name at a character; behind its last letter it still counts."""
    for one in found:
        if one.span.source is source and one.span.start <= offset <= one.span.end:
            return one
    return None


class _Reader:
    """Walks a spec with the names that are known at each place."""

    def __init__(self, spec: syntax.Spec) -> None:
        self.spec = spec
        blocks = {block.name: _name_span(block.span, block.name) for block in (*spec.blocks, *spec.shared)}
        parameters = {setting.name: setting.span for setting in spec.parameters}
        self.outer: Scope = {**blocks, **parameters}
        self.arguments: Mapping[Span, Scope] = {
            blocks[block.name]: {one.name: _name_span(one.span, one.name) for one in block.parameters}
            for block in spec.blocks
        }
        """The parameters of each block, by the place of its declaration."""

    def read(self) -> Iterator[Occurrence]:
        spec = self.spec
        for declaration in self.outer.values():
            yield Occurrence(declaration, declaration)
        for setting in spec.parameters:
            yield from self._body(setting.value, self.outer, {})
        for _, listing in spec.inputs:
            yield from self._body(listing, self.outer, {})
        for block in (*spec.blocks, *spec.shared):
            yield from self._block(block)
        stages = _steps(spec.net)
        yield from self._body(spec.net, self.outer, stages)
        for head in spec.heads:
            yield from self._body(head.body, self.outer, stages)
            if head.at in stages:
                yield Occurrence(head.at_span, stages[head.at])
        yield from self._claims(stages)
        yield from self._recipe()

    def _block(self, block: syntax.Block) -> Iterator[Occurrence]:
        scope = dict(self.outer)
        for parameter in block.parameters:
            if parameter.default is not None:
                yield from self._body(parameter.default, scope, {})
            scope[parameter.name] = _name_span(parameter.span, parameter.name)
            yield Occurrence(scope[parameter.name], scope[parameter.name])
        yield from self._body(block.body, scope, _steps(block.body))

    def _claims(self, stages: Scope) -> Iterator[Occurrence]:
        """Claims of a stage name it in the key before their value."""
        for claim in self.spec.claims:
            _, _, name = claim.subject.partition(".")
            if name in stages:
                every = re.finditer(rf"\b{re.escape(name)}(?=\s*:)", claim.span.source.text)
                keys = [key for key in every if key.start() <= claim.span.start]
                if keys:
                    yield Occurrence(Span(claim.span.source, *keys[-1].span()), stages[name])

    def _recipe(self) -> Iterator[Occurrence]:
        """A recipe's expressions read the spec's parameters."""
        train = self.spec.train
        for _, value in train.entries() if train else ():
            for word in re.finditer(r"[A-Za-z_]\w*", value.span.text):
                is_named = value.span.text[word.end() :].lstrip().startswith("=")
                if word[0] in self.outer and not is_named:
                    start = value.span.start + word.start()
                    yield Occurrence(
                        Span(value.span.source, start, start + len(word[0])), self.outer[word[0]]
                    )

    def _body(self, body: object, scope: Scope, stages: Scope) -> Iterator[Occurrence]:
        """Names in an expression or body; `stages` are the steps that `from` can recall there."""
        match body:
            case syntax.Name(span=span, name=name):
                if name in scope:
                    yield Occurrence(_name_span(span, name), scope[name])
            case syntax.Call(name="from", arguments=(syntax.Argument(value=syntax.Name() as recalled),)):
                if recalled.name in stages:
                    yield Occurrence(_name_span(recalled.span, recalled.name), stages[recalled.name])
            case syntax.Call(name=name, name_span=span, arguments=arguments):
                if name in scope:
                    yield Occurrence(span, scope[name])
                takes = self.arguments.get(scope[name], {}) if name in scope else {}
                for argument in arguments:
                    if argument.name is not None and argument.name in takes:
                        yield Occurrence(_name_span(argument.span, argument.name), takes[argument.name])
                    yield from self._body(argument.value, scope, stages)
            case syntax.Generator(element=element, targets=targets, iterable=iterable):
                yield from self._body(iterable, scope, stages)
                inner = {name: span for name, span in scope.items() if name not in targets}
                yield from self._body(element, inner, stages)
            case syntax.Stages(items=items):
                inside = {**stages, **_steps(body)}
                for stage in items:
                    yield Occurrence(stage.span, stage.span)
                    yield from self._body(stage.body, scope, inside)
            case syntax.Node():
                for field in body.__match_args__:
                    yield from self._body(getattr(body, field), scope, stages)
            case tuple():
                for item in body:
                    yield from self._body(item, scope, stages)


def _steps(body: object) -> Scope:
    return {stage.name: stage.span for stage in body.items} if isinstance(body, syntax.Stages) else {}


def _name_span(span: Span, name: str) -> Span:
    """The name at the beginning of a signature or of a name in parentheses."""
    start = span.source.text.index(name, span.start)
    return Span(span.source, start, start + len(name))
