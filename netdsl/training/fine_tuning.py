"""What a recipe says of single parts of a network: which keep their weights, which learn slower or faster.

Needs no torch.

    freeze: [stem, body.0]
    rates: {body: 0.1}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from netdsl.diagnostics import Diagnostic, Span, did_you_mean
from netdsl.language import syntax

Parts = Mapping[str, int]
"""The layers and parts of a network that have parameters, by their paths, with how many."""


def is_within(path: str, part: str) -> bool:
    """Whether a path is that of a part, or of something inside of it."""
    return path == part or path.startswith(f"{part}.")


def frozen_parameters(freeze: Sequence[str], parts: Parts) -> int:
    """How many parameters keep their values."""
    outermost = [part for part in freeze if not any(is_within(part, o) for o in freeze if o != part)]
    return sum(parts[part] for part in dict.fromkeys(outermost))


def rate_of(path: str, rates: Mapping[str, float]) -> float:
    """What the learning rate of a parameter is multiplied by: what the innermost part around it says.

    >>> rate_of("body.3.conv1.weight", {"body": 0.1, "body.3": 0.5})
    0.5
    """
    around = [part for part in rates if is_within(path, part)]
    return rates[max(around, key=len)] if around else 1.0


Refuse = Callable[[str, str, Span, str], Exception]
"""Notes a fault by its code, message, place and help, and gives what is to be raised."""


def read_parts(value: syntax.Data, refuse: Refuse) -> tuple[str, ...]:
    """The parts that `freeze` names: `stem`, `stem, body`, `[stem, body]` or `none`."""
    help = "write a stage's name, or a list of them"
    if value.kind == "mapping":
        raise refuse("recipe-value", "`freeze` names stages or parts of the net", value.span, help)
    items = value.items() if value.kind == "list" else (value,)
    words = [word.strip() for item in items for word in str(item.value).split(",")]
    if any(item.kind != "scalar" for item in items) or not all(words):
        raise refuse("recipe-value", "`freeze` names stages or parts of the net", value.span, help)
    return () if words == ["none"] else tuple(dict.fromkeys(words))


def read_rates(value: syntax.Data, refuse: Refuse) -> dict[str, float]:
    """The parts that `rates` names, each with its factor: `{body: 0.1}`, on the command line `body=0.1`."""
    help = "write `{body: 0.1}`, on the command line `body=0.1`"
    pairs = [(str(name.value), item.span, str(item.value)) for name, item in value.entries()]
    if value.kind == "scalar" and value.value != "none":
        for word in str(value.value).split(","):
            name, _, text = (part.strip() for part in word.partition("="))
            pairs.append((name, value.span, text))
    if value.kind == "list" or not all(name for name, _, _ in pairs):
        raise refuse("recipe-value", "`rates` gives parts of the net their factors", value.span, help)
    rates: dict[str, float] = {}
    for name, span, text in pairs:
        try:
            rates[name] = float(text)
        except ValueError:
            rates[name] = math.nan
        if not 0 < rates[name] < math.inf:
            message = f"the learning rate of `{name}` is multiplied by a number above 0, not `{text}`"
            raise refuse("recipe-value", message, span, f"{help}; what is not to learn stands under `freeze`")
    return rates


def check_parts(
    freeze: Sequence[str], rates: Mapping[str, float], spans: Mapping[str, Span], parts: Parts
) -> Iterator[Diagnostic]:
    """What is wrong with parts that a recipe names.

    Args:
        freeze: what keeps its weights.
        rates: factors of learning rates.
        spans: where the two keys stand.
        parts: those that the network has.
    """
    unknown = False
    for key, names in (("freeze", freeze), ("rates", tuple(rates))):
        for name in names:
            if name not in parts:
                unknown = True
                stages = [part for part in parts if "." not in part]
                help = did_you_mean(name, parts) or f"the outermost are {', '.join(stages)}"
                message = f"the network has no part `{name}` with parameters"
                yield Diagnostic(code="unknown-part", message=message, span=spans[key], help=help)
            elif key == "rates" and any(is_within(name, part) for part in freeze):
                message = f"`{name}` is frozen, and has no learning rate to multiply"
                help = "leave it out of one of the two"
                yield Diagnostic(code="recipe-arguments", message=message, span=spans[key], help=help)
    whole = sum(count for part, count in parts.items() if "." not in part)
    if freeze and not unknown and frozen_parameters(freeze, parts) == whole:
        message = "everything is frozen: there is nothing to train"
        help = "leave out what is to learn, such as the last stage"
        yield Diagnostic(code="nothing-to-train", message=message, span=spans["freeze"], help=help)
