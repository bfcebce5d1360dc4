"""Arguments → parameters: what a call gives, matched with what a layer or a block takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netdsl.analysis.values import Unknown, describe, is_layer
from netdsl.diagnostics import Diagnostic, Edit, Label, Span, did_you_mean, nearest
from netdsl.diagnostics.edits import is_step, without_item, write
from netdsl.layers.layer import LARGEST, Argument, BadArgument, Layer, spell

_LITERAL = re.compile(r"""((?:\w+\s*=\s*)?)("[^"\n]*"|'[^'\n]*'|[\d._]+|[Tt]rue|[Ff]alse)""")
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
MISSPELT = ("unknown-argument", "foreign-argument")
"""The faults of an argument that was meant to be another one."""
INFERRED = {
    "in_channels": "the channels of the input",
    "in_features": "the channels of the input",
    "num_features": "the channels of the input",
    "num_channels": "the channels of the input",
    "normalized_shape": "the channels of the input",
    "input_shape": "the shape of the input",
    "inplace": "whether a module works in place",
}
"""Arguments torch has and a spec never gives."""


class Given:
    """The arguments of one call, evaluated."""

    def __init__(
        self,
        positional: list[tuple[Any, Span]],
        named: dict[str, tuple[Any, Span]],
        span: Span,
        is_broken: bool = False,
    ) -> None:
        self.positional = positional
        self.named = named
        self.span = span
        self.is_broken = is_broken
        """Whether the call's form is at fault, which is told already."""


def match(
    word: str, names: Iterable[str], required: Iterable[str], given: Given, extra: bool = False
) -> tuple[dict[str, tuple[Any, Span]], list[Diagnostic]]:
    """The value and place of each parameter that is given, and what is wrong with the call.

    Args:
        names: the parameters in their order.
        required: those without a default.
        extra: whether other names are taken as well.
    """
    names = list(names)
    faults: list[Diagnostic] = []
    bound: dict[str, tuple[Any, Span]] = {}
    for name, (value, span) in zip(names, given.positional, strict=False):
        bound[name] = (value, span)
    for _, span in given.positional[len(names) :]:
        count = len(given.positional)
        most = f"at most {len(names)} argument{'s' * (len(names) != 1)}" if names else "no arguments"
        message = f"`{word}` takes {most}, {count} {'is' if count == 1 else 'are'} given"
        faults.append(
            Diagnostic(
                code="surplus-argument",
                message=message,
                span=span,
                help=_in_front(word, span) if _is_call(span) else _takes(word, names),
                fix=_without_surplus(word, names, given, span),
            )
        )
        break
    for name, (value, span) in given.named.items():
        if name in bound:
            message = f"`{word}` is given `{name}` twice"
            faults.append(given_twice(message, bound[name][1], span))
        elif name in names or extra:
            bound[name] = (value, span)
        else:
            faults.append(_unknown_argument(word, name, names, span, given.span))
    required = list(required)
    missing = [name for name in required if name not in bound]
    misspelt = sum(fault.code in MISSPELT for fault in faults)
    if len(missing) > misspelt:
        listed = " and ".join(f"`{name}`" for name in missing)
        message = f"`{word}` needs {listed}"
        faults.append(
            Diagnostic(code="missing-argument", message=message, span=given.span, help=_takes(word, required))
        )
    return bound, faults


def given_twice(message: str, first: Span, second: Span) -> Diagnostic:
    """An argument that is given twice; of two that say the same, one can go."""
    is_same = _value_text(first) == _value_text(second)
    return Diagnostic(
        code="repeated-argument",
        message=message,
        span=second,
        help="leave this one out: it says the same" if is_same else "keep one of the two",
        labels=(Label(first, "first here"),),
        fix=without_item(second) if is_same else (),
    )


def _value_text(argument: Span) -> str:
    return "".join(re.sub(r"^\w+\s*=(?!=)", "", argument.text).split())


def _is_call(span: Span) -> bool:
    """Whether what stands there is a layer with its arguments, or a chain, and no mere value."""
    return "(" in span.text or "->" in span.text


def _in_front(word: str, layer: Span) -> str:
    """What to write where a layer is given another, as functions are: `relu(conv(64, 3))`."""
    return f"layers follow each other: write `{layer.text} -> {word}`"


def _without_surplus(word: str, names: Sequence[str], given: Given, span: Span) -> tuple[Edit, ...]:
    """A surplus value is left out; a layer is never, it goes in front of the one that it was given to."""
    if names:
        return ()
    if not _is_call(span):
        return without_item(span)
    alone = len(given.positional) == 1 and not given.named
    return write(given.span, f"{span.text} -> {word}") if alone and is_step(given.span) else ()


def _takes(word: str, names: list[str]) -> str:
    return f"write `{word}({', '.join(names)})`" if names else f"write `{word}` without arguments"


def _unknown_argument(word: str, name: str, names: list[str], span: Span, call: Span) -> Diagnostic:
    if name in INFERRED:
        help = f"leave it out: netdsl infers {INFERRED[name]}"
        return Diagnostic(
            code="inferred-argument",
            message=f"`{name}` is not given to `{word}` in a spec",
            span=span,
            help=help,
            fix=without_item(span),
        )
    from netdsl.language.foreign import ARGUMENTS, without_activation  # only a wrong spec pays for it

    if name == "activation" and (meant := without_activation(call.text)):
        return Diagnostic(
            code="activation-argument",
            message=f"`{word}` has no activation of its own",
            span=span,
            help=f"let it follow as a layer: `{' '.join(meant.split())}`",
            fix=write(call, meant if is_step(call) else f"({meant})"),
        )
    other = ARGUMENTS.get(name)
    if other in names:
        start = Span(span.source, span.start, span.start + len(name))
        return Diagnostic(
            code="foreign-argument",
            message=f"`{name}` is what another library calls `{other}`",
            span=span,
            help=f"write `{other}=`",
            fix=write(start, other),
        )
    help = did_you_mean(name, names) or (
        f"its arguments are {', '.join(names)}" if names else _takes(word, names)
    )
    return Diagnostic(
        code="unknown-argument", message=f"`{word}` has no argument `{name}`", span=span, help=help
    )


def bind_layer(layer: type[Layer], given: Given) -> tuple[Layer | None, Mapping[str, Span], list[Diagnostic]]:
    """The layer with its arguments bound; None where they are wrong or unknown."""
    arguments = layer.arguments()
    required = [name for name, argument in arguments.items() if argument.required]
    bound, faults = match(layer.word, arguments, required, given, extra=layer.extra is not None)
    values: dict[str, Any] = {}
    unknown = False
    for name, (value, span) in bound.items():
        if isinstance(value, Unknown):
            unknown = True
            continue
        argument = arguments.get(name, layer.extra)
        assert argument is not None
        try:
            values[name] = argument.read(value)
        except BadArgument as error:
            shown = describe(value) if is_layer(value) else spell(value)
            message = f"`{name}` of `{layer.word}` must be {error.expected}, not {shown}"
            meant = _meant(value, argument)
            help = f"write `{meant}`" if meant else _value_help(value, error)
            help = help or f"write, for instance, `{name}={spell(argument.example)}`"
            fix = _value_written(span, meant)
            faults.append(Diagnostic(code=error.code, message=message, span=span, help=help, fix=fix))
    spans = {name: span for name, (_, span) in bound.items()}
    if faults or unknown:
        return None, spans, faults
    return layer(**values), spans, faults


def _meant(value: Any, argument: Argument[Any]) -> str | None:
    """The value that was meant, where one in its place says the same: in or out of quotes, or the nearest
    word."""
    others: list[Any] = []
    if isinstance(value, str):
        words = getattr(argument, "options", ()) or getattr(argument, "words", ())
        near = nearest(value, words) if words else None
        others = [near] if near else []
        others += [int(value)] if re.fullmatch(r"\d{1,9}", value) else []
        others += [_TRUTH[value.lower()]] if value.lower() in _TRUTH else []
    elif isinstance(value, float) and value.is_integer() and abs(value) < LARGEST:
        others = [int(value)]
    elif value in (0, 1) and not isinstance(value, tuple):
        others = [bool(value), int(value)]
    for other in others:
        try:
            argument.read(other)
        except BadArgument:
            continue
        return spell(other)
    return None


def _value_written(argument: Span, meant: str | None) -> tuple[Edit, ...]:
    """The edit that gives an argument another value, where its own is written out."""
    found = _LITERAL.fullmatch(argument.text)
    if meant is None or found is None:
        return ()
    return write(Span(argument.source, argument.start + len(found[1]), argument.end), meant)


def _value_help(value: Any, error: BadArgument) -> str | None:
    """What to write instead, where the message that says what is expected does not say it."""
    if isinstance(value, float) and "whole number" in error.expected:
        return "`//` divides without a remainder, and `round(…)` rounds"
    if isinstance(value, int) and value > LARGEST:
        return f"the largest is {LARGEST:,}"
    return None
