"""The methods by which `netdsl explain` answers, with their options. Needs no torch.

The text of `--method` is as a recipe's: `gradcam`, `occlusion(size=32)`, several with commas between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netdsl.analysis.binding import Given, match
from netdsl.analysis.evaluate import constant
from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, Span, did_you_mean
from netdsl.graph.formula import plain
from netdsl.language import syntax
from netdsl.language.expressions import parse_expression
from netdsl.layers.arguments import Argument, BadArgument, Boolean, Choice, Integer, Real
from netdsl.layers.layer import spell
from netdsl.records import record, replace, value_record


@record
class Entry:
    """A method."""

    about: str
    """A sentence for the documentation."""
    arguments: Mapping[str, Argument[Any]]
    """Its options, in order."""
    looks_at_layer: bool
    """Whether `--layer` says something to it."""


@value_record()
class Asked:
    """A method with its options."""

    word: str
    options: Mapping[str, Any]
    """All of them, defaults filled in."""

    def __str__(self) -> str:
        return self.word


def _relu(default: bool) -> Boolean:
    return Boolean("whether what speaks against the class is left out", default)


_SEED = Integer("what fixes the noise", 0, minimum=0)
_MAP: Argument[int | None] = Integer("a map's number; the strongest unless given", None, minimum=0)

METHODS: Mapping[str, Entry] = {
    "cam": Entry(
        "class activation mapping, behind global average pooling (Zhou et al. 2016)",
        {"relu": _relu(False)},
        looks_at_layer=False,
    ),
    "gradcam": Entry("Grad-CAM (Selvaraju et al. 2017)", {"relu": _relu(True)}, looks_at_layer=True),
    "gradcam++": Entry("Grad-CAM++ (Chattopadhay et al. 2018)", {"relu": _relu(True)}, looks_at_layer=True),
    "smoothgradcam++": Entry(
        "Smooth Grad-CAM++ (Omeiza et al. 2019)",
        {
            "samples": Integer("noisy images", 25, maximum=10_000),
            "noise": Real("their noise, as a share of the image's range", 0.15, minimum=0),
            "numerator": Choice(
                "the derivative above the fraction of α", "first", options=("first", "second")
            ),
            "relu": _relu(True),
            "seed": _SEED,
        },
        looks_at_layer=True,
    ),
    "scorecam": Entry(
        "Score-CAM (Wang et al. 2020)",
        {
            "weights": Choice("what weighs a map", "softmax", options=("softmax", "increase", "probability")),
            "relu": _relu(True),
        },
        looks_at_layer=True,
    ),
    "sscam": Entry(
        "SS-CAM, smoothed Score-CAM (Wang et al. 2020)",
        {
            "samples": Integer("how often noise is drawn", 10, maximum=10_000),
            "sigma": Real("its standard deviation", 2.0, minimum=0),
            "smooth": Choice("what noise is added to", "maps", options=("maps", "image")),
            "relu": _relu(True),
            "seed": _SEED,
        },
        looks_at_layer=True,
    ),
    "saliency": Entry("gradients at the pixels (Simonyan et al. 2013)", {}, looks_at_layer=False),
    "guided": Entry("guided backpropagation (Springenberg et al. 2014)", {}, looks_at_layer=False),
    "deconvnet": Entry(
        "a map's activation projected to the pixels (Zeiler & Fergus 2013)",
        {
            "map": _MAP,
            "keep": Choice("what of the map is kept", "strongest", options=("strongest", "all")),
        },
        looks_at_layer=True,
    ),
    "occlusion": Entry(
        "what a grey square takes away (Zeiler & Fergus 2013)",
        {
            "size": Integer("the square's side in pixels; a quarter of the input's", None),
            "stride": Integer("by how much it moves; a quarter of its side", None),
            "grey": Integer("what it is filled with", 128, minimum=0, maximum=255),
            "of": Choice("what is watched", "probability", options=("probability", "feature")),
        },
        looks_at_layer=True,
    ),
    "filters": Entry(
        "the weights of the first convolution",
        {"count": Integer("how many are shown", 64, maximum=4096)},
        looks_at_layer=False,
    ),
    "features": Entry(
        "the maps after a layer, the strongest first",
        {"count": Integer("how many are shown", 36, maximum=4096), "map": _MAP},
        looks_at_layer=True,
    ),
    "top9": Entry(
        "the nine test images that a map answers strongest to, with projections (Zeiler & Fergus 2013)",
        {"map": _MAP, "images": Integer("how many are looked at", 1000)},
        looks_at_layer=True,
    ),
}
"""Each method by its word."""

_PLUS, _STAND_IN = "++", "__"
"""`gradcam++` is no name of the language; this one of the same length stands for it while it is read."""


def read_methods(text: str) -> tuple[Asked, ...]:
    """The methods that `--method` names.

    Raises:
        Faults: it names none, or gives options they do not take; exit code 2.
    """
    source = Source("--method", text)
    expression = parse_expression(
        f"({text.replace(_PLUS, _STAND_IN)},)",
        lambda start, end: Span(source, max(start - 1, 0), min(max(end - 1, 1), len(text))),
    )
    items = expression.items if isinstance(expression, syntax.Listing) else (expression,)
    found = Collector()
    asked = [_asked(item, found) for item in items]
    if len(found):
        raise Faults(found, exit_code=2)
    return tuple(method for method in asked if method is not None)


def _asked(item: syntax.Expression, found: Collector) -> Asked | None:
    if not isinstance(item, syntax.Name | syntax.Call):
        help = "write its name, such as `gradcam`, or `occlusion(size=32)`"
        found.add(Diagnostic(code="option-value", message="this is no method", span=item.span, help=help))
        return None
    word = item.name.replace(_STAND_IN, _PLUS)
    if word not in METHODS:
        help = did_you_mean(word, METHODS) or f"there are {', '.join(METHODS)}"
        message = f"there is no method `{word}`"
        found.add(Diagnostic(code="unknown-method", message=message, span=item.span, help=help))
        return None
    arguments = item.arguments if isinstance(item, syntax.Call) else ()
    return Asked(word, _options(word, arguments, item.span, found))


def _options(
    word: str, arguments: tuple[syntax.Argument, ...], span: Span, found: Collector
) -> dict[str, Any]:
    entries = METHODS[word].arguments
    names = {o: o for entry in entries.values() if isinstance(entry, Choice) for o in entry.options}
    given = Given([], {}, span)
    for argument in arguments:
        value = (_value(argument.value, names), argument.span)
        if argument.name is None:
            given.positional.append(value)
        elif argument.name in given.named:
            message = f"`{word}` is given `{argument.name}` twice"
            help = "keep one of the two"
            found.add(Diagnostic(code="repeated-argument", message=message, span=argument.span, help=help))
        else:
            given.named[argument.name] = value
    bound, faults = match(word, entries, (), given)
    found.extend(faults)
    options = {name: entry.default for name, entry in entries.items()}
    for name, (value, place) in bound.items():
        try:
            options[name] = entries[name].read(value)
        except BadArgument as error:
            message = f"`{name}` of `{word}` is {error.expected}, not {spell(value)}"
            found.add(Diagnostic(code=error.code, message=message, span=place))
    return options


def _value(expression: syntax.Expression, words: Mapping[str, str]) -> Any:
    try:
        return plain(constant(expression, words))
    except Faults as faults:
        known = f"the words among its options are {', '.join(words)}" if words else "its options are numbers"
        found = [replace(d, help=known) if d.code == "unknown-name" else d for d in faults.diagnostics]
        raise Faults(found, exit_code=2) from None
