"""YAML → bodies and blocks: stages, sequences, merges, signatures."""

from __future__ import annotations

import re
from typing import NoReturn

from netdsl.diagnostics import Faults, Label, Span
from netdsl.language import syntax
from netdsl.language.document_mending import as_dashes, in_parentheses, is_table_row, on_lines
from netdsl.language.scalars import expression_of
from netdsl.language.sections import Refused, SectionReader
from netdsl.language.syntax import Data

MERGES = ("add", "sub", "mul", "concat")
"""The long forms of `+ - * |`; no stage can be called so."""


class BodyReader(SectionReader):
    """Reads bodies, and the blocks that have them."""

    def blocks(self, data: Data | None, shared: bool = False) -> tuple[syntax.Block, ...]:
        what = "a mapping of shared modules" if shared else "a mapping of blocks"
        blocks: dict[str, syntax.Block] = {}
        for key, value in self._mapping(data, what):
            try:
                name, parameters = self._signature(key)
            except Refused:
                self.unreadable.update(re.findall(r"^\w+", str(key.value)))
                self._body(value)
                continue
            if shared and parameters:
                self._add(
                    "shared-parameters",
                    f"the shared module `{name}` cannot have parameters",
                    key.span,
                    "it is made once; write its values into its body",
                )
            if name in blocks:
                first = Label(blocks[name].span, "first here")
                help = "keep one of the two; a block can have parameters with defaults"
                self._add("duplicate-key", f"the block `{name}` stands here twice", key.span, help, first)
                continue
            blocks[name] = syntax.Block(key.span, name, parameters, self._body(value))
        return tuple(blocks.values())

    def _signature(self, key: Data) -> tuple[str, tuple[syntax.Parameter, ...]]:
        """`name(a, b=default)` or `name`."""
        try:
            expression = expression_of(key, self.words)
        except Faults as faults:
            if self.words.are_too_many:
                raise
            self.found.extend(faults.diagnostics)
            raise Refused from None
        arguments: tuple[syntax.Argument, ...] = ()
        if isinstance(expression, syntax.Name):
            name = expression.name
        elif isinstance(expression, syntax.Call):
            name, arguments = expression.name, expression.arguments
        else:
            self._bad_signature(key)
        if not self._check_name(name, key.span, "a block"):
            raise Refused
        parameters: dict[str, syntax.Parameter] = {}
        for argument in arguments:
            parameter = self._parameter(argument, key)
            if parameter.name in parameters:
                self._add(
                    "duplicate-parameter",
                    f"the parameter `{parameter.name}` stands here twice",
                    argument.span,
                    "call one of the two otherwise",
                )
            if parameter.default is None and any(p.default is not None for p in parameters.values()):
                self._add(
                    "parameter-order",
                    f"the parameter `{parameter.name}` without a default follows one with a default",
                    argument.span,
                    "put the parameters with defaults last",
                )
            parameters[parameter.name] = parameter
        return name, tuple(parameters.values())

    def _parameter(self, argument: syntax.Argument, key: Data) -> syntax.Parameter:
        if argument.name is not None:
            name, default = argument.name, argument.value
        elif isinstance(argument.value, syntax.Name):
            name, default = argument.value.name, None
        else:
            self._bad_signature(key)
        if not self._check_name(name, argument.span, "a parameter"):
            raise Refused
        if name == "x":
            message = "`x` is the block's input and cannot be a parameter"
            self._add("reserved-name", message, argument.span, "call it otherwise, such as `f`")
            raise Refused
        return syntax.Parameter(argument.span, name, default)

    def _bad_signature(self, key: Data) -> NoReturn:
        self._add(
            "block-signature",
            f"`{key.value}` is not a block's signature",
            key.span,
            "write `name:` or `name(a, b=default):`",
        )
        raise Refused

    def _body(self, data: Data) -> syntax.Body:
        if data.kind == "scalar":
            return self._expression(data)
        if data.span.text.startswith(("[", "{")):
            return self._flow_body(data)
        if data.kind == "list":
            return syntax.Sequence(data.span, tuple(self._body(item) for item in data.items()))
        entries = data.entries()
        if len(entries) == 1 and entries[0][0].value in MERGES:
            return self._merge(data, *entries[0])
        stages = []
        for key, value in entries:
            name = str(key.value)
            if name in MERGES:
                self._add(
                    "reserved-name",
                    f"`{name}` is the long form of an operator and cannot be the name of a stage",
                    key.span,
                    f"put it alone into a mapping of its own, or call the stage `{name}_`",
                )
                stages.append(syntax.Stage(key.span, f"{name}_", syntax.Broken(value.span)))
            else:
                self._check_name(name, key.span, "a stage")
                stages.append(syntax.Stage(key.span, name, self._body(value)))
        return syntax.Stages(data.span, tuple(stages))

    def _flow_body(self, data: Data) -> syntax.Broken:
        opening = data.span.text[0]
        kind = "list" if opening == "[" else "mapping"
        place = Span(data.span.source, data.span.start, data.span.start + 1)
        if is_table_row(data):
            self._add(
                "layer-as-row",
                "a layer is written as a row of where from, how often, which and with what",
                place,
                "write `conv(64, 3)`: it takes what comes before; `layer * n` repeats, `from(name)` recalls",
            )
            return syntax.Broken(data.span)
        self._add(
            f"yaml-{kind}",
            f"a value that begins with `{opening}` is a YAML {kind}, not an expression",
            place,
            "group with parentheses, `(a -> b)`, or write one item per line below the key",
            fix=in_parentheses(data) if opening == "[" else on_lines(data),
        )
        return syntax.Broken(data.span)

    def _merge(self, data: Data, key: Data, value: Data) -> syntax.Body:
        if value.kind != "list" or value.span.text.startswith("["):
            self._add(
                "merge-branches",
                f"`{key.value}` needs its branches as a list",
                value.span,
                "write one branch per line below it, each after `- `",
                fix=as_dashes(value, key),
            )
            return syntax.Broken(data.span)
        kind: syntax.MergeKind = str(key.value)  # type: ignore[assignment]
        return syntax.Merge(key.span, kind, tuple(self._body(item) for item in value.items()))
