"""Pictures found by texts, and texts by pictures, in a space that both are brought into.

A network takes pairs of an `image` and a `text`, as features. Its output is the text's code; its heads
`image`, `image_class` and `text_class` give the image's code and what both codes say of the classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from matplotlib.figure import Figure

from netdsl.diagnostics import fault
from netdsl.training.batches import WHOLE, AnyBatch, Inputs, Share, Supply, batch_starts, cut_order
from netdsl.training.choices import Recipe
from netdsl.training.data.pairs import Pairs, PairSplit
from netdsl.training.forward import MAIN, Outputs
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import make_loss
from netdsl.training.retrieval import hits, mean_average_precision, precision_at_recall
from netdsl.training.seeds import order_of
from netdsl.training.tasks.task import Forward, Notes, Say
from netdsl.training.transforms import Scaling

INPUTS = ("image", "text")
HEADS = ("image", "image_class", "text_class")
LEVELS = torch.linspace(0, 1, 11)
"""Shares of what is to be found at which precision is drawn."""


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PairBatches:
    """Pairs, cut into batches epoch by epoch."""

    split: PairSplit
    inputs: Sequence[str]
    """The names of the network's inputs, in its order."""
    size: int
    seed: int
    shuffled: bool
    share: Share = WHOLE

    def __len__(self) -> int:
        return len(self.split)

    @property
    def starts(self) -> Sequence[int]:
        return batch_starts(len(self), self.size)

    def shared(self, share: Share) -> PairBatches:
        return replace(self, share=share)

    def epoch(self, number: int, first: int = 0) -> Iterator[AnyBatch]:
        """The batches of an epoch: the features of both, and the numbers of classes."""
        order = order_of(number, len(self), self.seed) if self.shuffled else torch.arange(len(self))
        for chosen in cut_order(order, self.size, first, self.share):
            yield tuple(self.split.features[name][chosen] for name in self.inputs), self.split.labels[chosen]


@final
class Retrieve:
    """Outputs are `output` and `image`, codes `(batch, numbers)`, and `image_class` and `text_class`."""

    metric = "mean_average_precision"
    samples = "pairs"
    is_labelled = True
    reads_heads = True

    def __init__(self, recipe: Recipe) -> None:
        self._loss = make_loss(recipe.loss)

    def material(self, network: TrainableNetwork, recipe: Recipe, data: Pairs, say: Say) -> Material:
        test = self.test(network, recipe, data, say)
        train = PairBatches(
            split=data.train,
            inputs=tuple(network.named_inputs),
            size=recipe.batch,
            seed=recipe.seed,
            shuffled=True,
        )
        remarks = () if data.remark is None else (data.remark,)
        return Material(train, test, Scaling(None, None), remarks)

    def test(self, network: TrainableNetwork, recipe: Recipe, data: Pairs, say: Say) -> Supply:
        _check(network, data)
        return PairBatches(
            split=data.test,
            inputs=tuple(network.named_inputs),
            size=recipe.batch,
            seed=recipe.seed,
            shuffled=False,
        )

    def loss(self, output: Outputs, target: torch.Tensor) -> torch.Tensor:
        image, image_class, text_class = (output[name] for name in HEADS)
        loss: torch.Tensor = self._loss(image, output[MAIN], image_class, text_class, target)
        return loss

    def notes(self, inputs: Inputs, output: Outputs, target: torch.Tensor) -> Notes:
        return {"image": output["image"], "text": output[MAIN], "label": target}

    def figures(self, notes: Notes) -> dict[str, float]:
        image, text, labels = notes["image"], notes["text"], notes["label"]
        by_image = mean_average_precision(image, text, labels)
        by_text = mean_average_precision(text, image, labels)
        return {
            "mean_average_precision": (by_image + by_text) / 2,
            "image_to_text": by_image,
            "text_to_image": by_text,
        }

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        outputs, labels = zip(*((forward(pairs), labels) for pairs, labels in test.epoch(0)), strict=True)
        image, text = (torch.cat([output[name] for output in outputs]) for name in ("image", MAIN))
        return {"precision_recall.png": draw_precision_recall(image, text, torch.cat(labels))}


def _check(network: TrainableNetwork, pairs: Pairs) -> None:
    """Whether a network takes the pairs, and gives what is to be learned.

    Raises:
        Faults: it does not; exit code 1 or 2.
    """
    if set(network.named_inputs) != set(INPUTS):
        names = ", ".join(network.named_inputs) or "one input without a name"
        message = f"`{network.name}` takes {names}, not an `image` and a `text`"
        help = "write `input: {image: [4096], text: [1024]}`"
        raise fault("input-not-pair", message, exit_code=1, help=help)
    given = {name: tuple(values.shape[1:]) for name, values in pairs.train.features.items()}
    if dict(network.named_inputs) != given:
        shown = f"{{image: [{given['image'][0]}], text: [{given['text'][0]}]}}"
        message = (
            f"`{pairs.name}` has {given['image'][0]} features of an image and {given['text'][0]} of a text"
        )
        help = f"give the network inputs of these sizes: `input: {shown}`"
        raise fault("feature-count", message, exit_code=1, help=help)
    outputs = network.kept_outputs
    code = outputs.get("image")
    if (
        set(outputs) != set(HEADS)
        or code != network.output
        or outputs["image_class"] != outputs["text_class"]
    ):
        message = f"`{network.name}` does not give what `retrieve` learns by"
        help = (
            "let its output be the text's code, and keep the heads `image`, the image's code, `image_class` "
            "and `text_class`, as `dscmr` does"
        )
        raise fault("output-not-pair", message, exit_code=1, help=help)
    if outputs["image_class"] != (len(pairs.classes),):
        count = "×".join(map(str, outputs["image_class"]))
        message = f"`{network.name}` tells {count} classes, `{pairs.name}` has {len(pairs.classes)}"
        raise fault("class-count", message, exit_code=2, help=f"give `--set classes={len(pairs.classes)}`")


def draw_precision_recall(image: torch.Tensor, text: torch.Tensor, labels: torch.Tensor) -> Figure:
    """Interpolated precision over the share of a query's class that is found, in both directions."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    ways = (("texts found by an image", image, text), ("images found by a text", text, image))
    for name, queries, gallery in ways:
        precision = precision_at_recall(hits(queries, gallery, labels, labels), LEVELS)
        mean = mean_average_precision(queries, gallery, labels)
        axes.plot(LEVELS.tolist(), precision.tolist(), marker=".", label=f"{name} ({mean:.4f})")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
