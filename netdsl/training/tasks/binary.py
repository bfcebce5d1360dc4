"""Two classes told apart by one logit, as in medicine: ill or not.

Besides the accuracy, what a physician asks: of the ill, how many are found; of the others, how many are let
go; and how well the logits rank the two, whatever the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from netdsl.diagnostics import fault
from netdsl.training.batches import Supply
from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet
from netdsl.training.material import Material, check_one_input, evaluation_batches, prepare
from netdsl.training.network import TrainableNetwork
from netdsl.training.tasks.task import Forward, Notes, Say


@final
class Binary:
    """Outputs are `(batch, 1)`, the logit of the second class."""

    metric = "accuracy"
    samples = "images"
    is_labelled = True
    reads_heads = False

    def __init__(self, recipe: Recipe) -> None:
        self._threshold: float = recipe.task.arguments["threshold"]
        self._weight = torch.tensor(float(recipe.loss.arguments["positive_weight"]))

    def material(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Material:
        _check(network, data)
        return prepare(network, recipe, data, say)

    def test(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Supply:
        _check(network, data)
        return evaluation_batches(network, recipe, data, say)

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        weight = self._weight.to(output.device)
        return F.binary_cross_entropy_with_logits(output[:, 0], target.float(), pos_weight=weight)

    def notes(self, inputs: torch.Tensor, output: torch.Tensor, target: torch.Tensor) -> Notes:
        return {"logit": output[:, 0].float(), "label": target}

    def figures(self, notes: Notes) -> dict[str, float]:
        positive = notes["label"] == 1
        seen = notes["logit"].sigmoid() >= self._threshold
        return {
            "accuracy": _share(seen == positive),
            "auroc": area_under_roc(notes["logit"], positive),
            "sensitivity": _share(seen[positive]),
            "specificity": _share(~seen[~positive]),
        }

    def probabilities(self, output: torch.Tensor) -> torch.Tensor:
        second = output.sigmoid()
        return torch.cat([1 - second, second], dim=1)

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        pairs = [(forward(images)[:, 0], labels) for images, labels in test.epoch(0)]
        logits, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return {"roc.png": draw_roc(logits, labels == 1)}


def _check(network: TrainableNetwork, data: DataSet) -> None:
    check_one_input(network)
    if network.output != (1,):
        shape = "×".join(map(str, network.output))
        help = "end the network in `flatten -> linear(1)`, or learn by `--task classify`"
        message = f"the output of `{network.name}` is {shape}, not one logit"
        raise fault("output-not-one", message, exit_code=1, help=help)
    if len(data.classes) != 2:
        message = f"`{data.name}` has {len(data.classes)} classes, `{network.name}` tells two apart"
        help = "name data of two classes, or learn by `--task classify` with an output for each"
        raise fault("not-two-classes", message, exit_code=2, help=help)
    for part, split in (("train", data.train), ("test", data.test)):
        missing = set(range(2)) - set(split.labels.tolist())
        if missing:
            message = f"the {part} part of `{data.name}` has no image of `{data.classes[min(missing)]}`"
            raise fault("not-two-classes", message, exit_code=3, help="both parts need images of both")


def _share(is_so: torch.Tensor) -> float:
    """The share of true values; none of no values is not a number."""
    return float(is_so.double().mean())


def area_under_roc(scores: torch.Tensor, positive: torch.Tensor) -> float:
    """The area under the receiver operating characteristic: how often a positive sample has a higher score
    than a negative one, ties counted half.

    By the ranks of the scores, from the statistic of Mann & Whitney 1947, as Hanley & McNeil 1982 read it.

    Args:
        scores: `(N)`.
        positive: whether each sample is of the second class, `(N)`; not a number without both kinds.
    """
    _, place, counts = torch.unique(scores.double(), return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    ranks = (last - (counts - 1) / 2)[place]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def draw_roc(scores: torch.Tensor, positive: torch.Tensor) -> Figure:
    """Sensitivity over 1 − specificity for every threshold."""
    order = scores.argsort(descending=True)
    ranked, hits = scores[order], positive[order].double()
    ends = torch.cat([ranked[1:] != ranked[:-1], torch.tensor([True])])  # of runs of equal scores
    sensitivity = (hits.cumsum(0) / hits.sum())[ends]
    false_alarms = ((1 - hits).cumsum(0) / (1 - hits).sum())[ends]
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, *false_alarms.tolist()], [0, *sensitivity.tolist()], color="tab:orange")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("1 − specificity")
    axes.set_ylabel("sensitivity")
    axes.set_title(f"area {area_under_roc(scores, positive):.4f}", fontsize=11)
    return figure
