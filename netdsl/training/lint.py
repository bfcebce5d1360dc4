"""Lints of a network with its recipe: what the loss and the data expect of the output.

Needs no torch, as the recipe does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from netdsl.analysis.lints.flow import Flow
from netdsl.analysis.lints.layers import warning
from netdsl.diagnostics import Diagnostic, Label
from netdsl.diagnostics.edits import write
from netdsl.graph.graph import Network
from netdsl.language import syntax
from netdsl.training.catalog.data import CLASSES
from netdsl.training.choices import Recipe


def lint_training(train: syntax.Data, recipe: Recipe, network: Network, flow: Flow) -> Iterator[Diagnostic]:
    """Everything that a recipe and its network give to ask about.

    Args:
        train: the recipe's text, for places in it.
    """
    yield from _softmax_before_loss(train, recipe, flow)
    yield from _output_classes(train, recipe, network)
    yield from _norm_of_one_value(train, recipe, flow)
    yield from _end_against_loss(train, recipe, flow)
    yield from _window_of_components(train, recipe, flow)
    if train.get("data") is not None or train.get("loss") is not None:
        yield from _one_logit(recipe, network, flow)


def _softmax_before_loss(train: syntax.Data, recipe: Recipe, flow: Flow) -> Iterator[Diagnostic]:
    again = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(recipe.loss.word)
    if again is None or flow.result < 0:
        return
    last = flow.points[flow.result]
    if last.kind in ("softmax", "log_softmax", "sigmoid"):
        loss = train.get("loss")
        labels = () if loss is None else (Label(loss.span, "takes logits"),)
        yield warning(
            "softmax-before-loss",
            f"the network ends in `{last.kind}`, and the loss takes the {again} again",
            last.span,
            f"end with the layer before it: `{recipe.loss.word}` takes logits",
            *labels,
        )


def _output_classes(train: syntax.Data, recipe: Recipe, network: Network) -> Iterator[Diagnostic]:
    data = train.get("data")
    outputs = network.graph.output.sizes
    if data is None or recipe.task.word not in ("classify", "binary") or len(outputs) != 1:
        return
    if recipe.task.word == "binary":
        yield from _binary_outputs(data, recipe, int(outputs[0]))
        return
    for name in recipe.data:
        classes = CLASSES.get(name)
        if classes is not None and classes != outputs[0]:
            yield warning(
                "output-classes",
                f"`{name}` has {classes:,} classes, the network gives {int(outputs[0]):,} values",
                data.span,
                f"give the network {classes:,} outputs, or name other data",
            )
            return


def _binary_outputs(data: syntax.Data, recipe: Recipe, outputs: int) -> Iterator[Diagnostic]:
    """One logit for two classes."""
    classes = next((CLASSES[name] for name in recipe.data if CLASSES.get(name, 2) != 2), 2)
    if (outputs, classes) != (1, 2):
        message = f"`binary` tells two classes apart by one value; the network gives {outputs:,}"
        if classes != 2:
            message = f"`binary` tells two classes apart; the data have {classes:,}"
        help = "give the network one output and data of two classes, or write `task: classify`"
        yield warning("output-classes", message, data.span, help)


def _end_against_loss(train: syntax.Data, recipe: Recipe, flow: Flow) -> Iterator[Diagnostic]:
    """Outputs that the loss reads the other way round, or never sees whole."""
    if flow.result < 0:
        return
    last, loss = flow.points[flow.result], train.get("loss")
    labels = () if loss is None else (Label(loss.span, "the loss"),)
    if recipe.loss.word == "cross_entropy" and last.kind == "rbf":
        yield warning(
            "penalties-as-scores",
            "`rbf` gives distances, small where it fits; `cross_entropy` takes the largest for the right one",
            last.span,
            "write `loss: lenet1998`, which takes penalties",
            *labels,
            fix=() if loss is None or loss.span.text != "cross_entropy" else write(loss.span, "lenet1998"),
        )
    if recipe.loss.word == "lenet1998" and last.kind == "linear":
        yield warning(
            "scores-as-penalties",
            "`lenet1998` takes penalties, small where it fits; `linear` gives scores of either sign",
            last.span,
            "write `loss: cross_entropy`, or end with `rbf`",
            *labels,
        )
    if recipe.loss.word == "cross_entropy" and last.kind in ("relu", "relu6", "dropout"):
        yield warning(
            "cut-before-loss",
            f"the network ends in `{last.kind}`, behind which scores are lost",
            last.span,
            "end with the layer before it: `cross_entropy` takes every score as it is",
            *labels,
        )


def _window_of_components(train: syntax.Data, recipe: Recipe, flow: Flow) -> Iterator[Diagnostic]:
    """A convolution over values that have no neighbours."""
    if not any(use.word == "whiten" and use.arguments["kind"] == "pca" for use in recipe.prepare):
        return
    for point in flow.points:
        layer: Any = point.layer
        if point.kind not in ("conv", "depthwise") or point.inputs[0] >= 0:
            continue
        is_whole = math.prod(axis.size for axis in point.output.spatial) == 1
        if max(layer.each(layer.kernel_size, point.input)) > 1 and not is_whole:
            prepare = train.get("prepare")
            labels = () if prepare is None else (Label(prepare.span, "gives components"),)
            yield warning(
                "window-of-components",
                f"this `{point.kind}` looks at neighbours, and components have none",
                point.span,
                'write `whiten("zca")`, whose values stay in their places',
                *labels,
            )


def _one_logit(recipe: Recipe, network: Network, flow: Flow) -> Iterator[Diagnostic]:
    if recipe.loss.word == "cross_entropy" and network.graph.output.sizes == (1,) and flow.result >= 0:
        yield warning(
            "one-score",
            "the softmax of one value is 1, whatever it is: the loss is always 0",
            flow.points[flow.result].span,
            "give each class an output, two for yes and no; or write `task: binary`, which takes one",
        )


def _norm_of_one_value(train: syntax.Data, recipe: Recipe, flow: Flow) -> Iterator[Diagnostic]:
    """Batch normalisation in training over a batch of one sample and one position."""
    if recipe.batch != 1:
        return
    for point in flow.points:
        if point.kind == "batchnorm" and math.prod(axis.size for axis in point.input.spatial) == 1:
            batch = train.get("batch")
            labels = () if batch is None else (Label(batch.span, "one sample at a time"),)
            yield warning(
                "norm-of-one-value",
                "in training this `batchnorm` sees one value of each channel, which it makes zero of",
                point.span,
                "use larger batches, or normalise before the pooling",
                *labels,
            )
