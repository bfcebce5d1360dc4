"""Layers as torch and Keras write them → as a spec does.

    nn.Conv2d(3, 64, 3, padding=1)      →   conv(64, 3, padding=1)
    Dense(10, activation="softmax")     →   linear(10) -> softmax

People bring these names along, and copy whole lines. What is inferred is left out, what has another name gets
it, and where a line cannot be put into the language for certain, the word alone is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from netdsl.diagnostics import Diagnostic, Edit, Span
from netdsl.diagnostics.edits import is_step, write


class Foreign(NamedTuple):
    """A layer of another library."""

    word: str
    """What it is called here."""
    dropped: int | None = None
    """The argument without a name that is inferred here, counted from 0."""
    least: int = 1
    """How many arguments must be given for that one to be among them."""


_IN_PLACE = ("relu", "relu6", "selu", "silu", "mish", "hardswish", "hardsigmoid")
TORCH = {
    "conv": Foreign("conv", 0, 3),
    "convtranspose": Foreign("conv_transpose", 0, 3),
    "linear": Foreign("linear", 0, 2),
    "batchnorm": Foreign("batchnorm", 0),
    "instancenorm": Foreign("instancenorm", 0),
    "layernorm": Foreign("layernorm", 0),
    "groupnorm": Foreign("groupnorm", 1, 2),
    "localresponsenorm": Foreign("lrn"),
    "maxpool": Foreign("maxpool"),
    "avgpool": Foreign("avgpool"),
    "adaptiveavgpool": Foreign("adaptive_avgpool"),
    "adaptivemaxpool": Foreign("adaptive_maxpool"),
    **{word: Foreign(word, 0) for word in _IN_PLACE},
    "leakyrelu": Foreign("leaky_relu", 1, 2),
    "elu": Foreign("elu", 1, 2),
    "prelu": Foreign("prelu"),
    "gelu": Foreign("gelu"),
    "sigmoid": Foreign("sigmoid"),
    "tanh": Foreign("tanh"),
    "softplus": Foreign("softplus"),
    "softmax": Foreign("softmax"),
    "logsoftmax": Foreign("log_softmax"),
    "dropout": Foreign("dropout", 1, 2),
    "flatten": Foreign("flatten"),
    "pixelshuffle": Foreign("pixel_shuffle"),
    "channelshuffle": Foreign("channel_shuffle"),
    "upsample": Foreign("upsample"),
    "zeropad": Foreign("pad"),
    "identity": Foreign("id"),
}
"""torch's classes in small letters, without their number of axes."""
KERAS = {
    "conv": Foreign("conv"),
    "convtranspose": Foreign("conv_transpose"),
    "depthwiseconv": Foreign("depthwise"),
    "dense": Foreign("linear"),
    "maxpooling": Foreign("maxpool"),
    "averagepooling": Foreign("avgpool"),
    "globalaveragepooling": Foreign("global_avgpool"),
    "globalmaxpooling": Foreign("global_maxpool"),
    "batchnormalization": Foreign("batchnorm"),
    "layernormalization": Foreign("layernorm"),
    "groupnormalization": Foreign("groupnorm"),
    "spatialdropout": Foreign("spatial_dropout"),
    "zeropadding": Foreign("pad"),
    "maxpool": Foreign("maxpool"),
    "avgpool": Foreign("avgpool"),
}
"""The same for Keras, whose numbers of axes end in a capital: `Conv2D`."""
ARGUMENTS = {
    "filters": "out_channels",
    "units": "out_features",
    "kernel": "kernel_size",
    "pool_size": "kernel_size",
    "strides": "stride",
    "pad": "padding",
    "dilation_rate": "dilation",
    "dilations": "dilation",
    "use_bias": "bias",
    "rate": "p",
    "prob": "p",
    "drop_rate": "p",
    "epsilon": "eps",
    "alpha": "negative_slope",
    "upscale": "upscale_factor",
    "ceil": "ceil_mode",
    "scale": "scale_factor",
    "size": "output_size",
}
"""What other libraries call arguments, and what torch does."""
INFERRED = (
    "in_channels",
    "in_features",
    "num_features",
    "num_channels",
    "normalized_shape",
    "input_shape",
    "inplace",
)
"""What the input says already."""

LEFT_OUT = (
    "name",
    "data_format",
    "device",
    "dtype",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
)
"""What is no argument of a layer here: names are those of stages, weights begin as the recipe says."""

_NAME = re.compile(r"((?:[A-Za-z_]\w*\.)*)([A-Za-z_]\w*)\s*(?:\((.*)\))?", re.DOTALL)
_AXES = re.compile(r"(.*?)[123]([dD])(.*)")
_PARTS = re.compile(r"""[()\[\]]|,|"[^"\n]*"|'[^'\n]*'|[^()\[\],"']+|.""", re.DOTALL)
_DEEPEST = 20
"""Calls inside of each other that are put into the language."""


def foreign(name: str) -> Foreign | None:
    """What a name of another library is called here; None for one that has no layer here.

    >>> foreign("BatchNorm2d").word
    'batchnorm'
    """
    bare = name.rpartition(".")[2]
    axes = _AXES.fullmatch(bare)
    stem = (axes[1] + axes[3] if axes else bare).lower()
    if bare == stem and "." not in name and not axes:
        return None  # in small letters and without a number it may as well be a slip of the pen
    if bare in ("Dropout1d", "Dropout2d", "Dropout3d"):
        return Foreign("spatial_dropout", 1, 2)
    tables = (KERAS, TORCH) if axes and axes[2] == "D" else (TORCH, KERAS)
    return next((table[stem] for table in tables if stem in table), None)


def translated(call: str, depth: int = 0) -> str | None:
    """A layer of another library as a spec writes it; None where that is not certain.

    >>> translated("nn.Sequential(nn.Linear(784, 10), nn.ReLU(inplace=True))")
    '(linear(10) -> relu)'
    """
    found = _NAME.fullmatch(call.strip())
    if found is None or depth > _DEEPEST:
        return None
    arguments = _split(found[3] or "")
    if arguments is None:
        return None
    if found[2] == "Sequential":
        steps = [translated(step, depth + 1) or _own(step) for step in arguments]
        return f"({' -> '.join(step or '' for step in steps)})" if steps and all(steps) else None
    if found[2] == "Activation" and len(arguments) == 1:
        return _activation(arguments[0])
    layer = foreign(found[1] + found[2])
    return None if layer is None else _call(layer, arguments)


def foreign_name(span: Span) -> Diagnostic | None:
    """The fault of a place that holds a name, or a call, of another library; None where it holds none."""
    found = _NAME.fullmatch(span.text)
    known = foreign(found[1] + found[2]) if found else None
    meant = translated(span.text)
    if found is None or (known is None and meant is None):
        return None
    shown = " ".join((meant or (known.word if known else "")).split())
    name = found[1] + found[2]
    why = ": the input's channels and its number of axes are inferred" if _AXES.fullmatch(found[2]) else ""
    return Diagnostic(
        code="foreign-name",
        message=f"`{name}` is what another library calls a layer",
        span=Span(span.source, span.start, span.start + len(name)),
        help=f"write `{shown}`{why}",
        fix=_written(span, meant) if meant else (),
    )


def _written(span: Span, meant: str) -> tuple[Edit, ...]:
    is_whole = "->" not in meant or meant.startswith("(") or is_step(span)
    return write(span, meant if is_whole else f"({meant})")


def without_activation(call: str) -> str | None:
    """A call whose `activation=` follows as a layer of its own: `conv(8, 3) -> relu`."""
    found = _NAME.fullmatch(call)
    arguments = _split(found[3] or "") if found else None
    if found is None or arguments is None:
        return None
    named = next((a for a in arguments if re.match(r"activation\s*=", a)), None)
    word = _activation(named.partition("=")[2].strip()) if named else None
    if named is None or word is None:
        return None
    rest = ", ".join(argument for argument in arguments if argument is not named)
    return f"{found[1]}{found[2]}({rest}) -> {word}" if rest else f"{found[1]}{found[2]} -> {word}"


def _own(step: str) -> str | None:
    return step if re.fullmatch(r"[a-z_]\w*(\([^()]*\))?", step) else None


def _activation(text: str) -> str | None:
    """`"relu"`, `nn.ReLU()` or `tf.nn.relu` as a layer."""
    word = text.strip("\"'")
    if word.startswith(("tf.nn.", "F.")):
        word = word.rpartition(".")[2]
    folded = word.lower().replace("_", "")
    return translated(text) or (TORCH[folded].word if folded in TORCH and word == word.lower() else None)


def _call(layer: Foreign, arguments: list[str]) -> str | None:
    unnamed = [n for n, argument in enumerate(arguments) if not re.match(r"\w+\s*=[^=]", argument)]
    count = len(unnamed) + sum(argument.startswith("kernel_size") for argument in arguments)
    inferred = None
    if layer.word in _IN_PLACE and any(arguments[n] not in ("True", "False") for n in unnamed):
        return None  # a function of what it is given, as in `F.relu(x)`
    if layer.dropped is not None and count >= layer.least and len(unnamed) > layer.dropped:
        inferred = unnamed[layer.dropped]
    kept, behind = [], ""
    for argument in (a for n, a in enumerate(arguments) if n != inferred):
        name, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or not name.isidentifier() or value.startswith("="):
            kept.append(argument)
        elif name == "activation":
            word = _activation(value)
            if word is None:
                return None
            behind = f" -> {word}"
        elif name not in (*INFERRED, *LEFT_OUT) and (name, value.strip("\"'")) != ("padding", "valid"):
            value = value.strip().lower() if value.strip() in ("True", "False", "None") else value
            kept.append(f"{ARGUMENTS.get(name, name)}={value}")
    if layer.word == "id":
        return "id"
    listed = f"({', '.join(kept)})" if kept else ""
    return f"{layer.word}{listed}{behind}"


def _split(text: str) -> list[str] | None:
    """The arguments of a call; None where brackets do not match."""
    depth, found = 0, [""]
    for part in _pieces(text):
        depth += (part in "([") - (part in ")]")
        if depth < 0:
            return None
        if part == "," and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return None if depth else [argument.strip() for argument in found if argument.strip()]


def _pieces(text: str) -> Iterator[str]:
    for part in _PARTS.finditer(text):
        yield part[0]
