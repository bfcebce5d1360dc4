"""What a network is trained for: how its outputs are counted, by the loss that they are trained with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.metrics import top_k_accuracy_score
from torch import Tensor, nn

from netdsl.training.choices import Recipe
from netdsl.training.data.digits import read_digits
from netdsl.training.evaluation import evaluate, predict
from netdsl.training.recipe import resolve_recipe
from netdsl.training.runner import train
from netdsl.training.tasks import make_task
from tests.training.networks import network, rebuild, section, silent


def recipe(text: str) -> Recipe:
    return resolve_recipe(section(text), {}, {})


@pytest.mark.parametrize(("loss", "right"), [("cross_entropy", 1), ("lenet1998", 2)])
def test_the_largest_logit_wins_and_the_smallest_penalty(loss: str, right: int) -> None:
    output, target = torch.tensor([[1.0, 9.0], [5.0, 2.0], [3.0, 4.0]]), torch.tensor([0, 1, 1])

    task = make_task(recipe(f"loss: {loss}"))

    assert task.figures(task.notes(output, output, target)) == {"accuracy": right / 3}


@pytest.mark.parametrize("classes", [6, 10])
def test_the_right_class_is_looked_for_among_five(classes: int) -> None:
    output, target = torch.randn(200, classes), torch.randint(classes, (200,))
    task = make_task(recipe("task: classify"))

    found = task.figures(task.notes(output, output, target))

    scores, labels = output.numpy(), target.numpy()
    for name, k in (("accuracy", 1), ("top5_accuracy", 5)):
        assert found[name] == top_k_accuracy_score(labels, scores, k=k, labels=range(classes))


class Distances(nn.Module):
    """A network that ends in the squared distances to a code for each class, as LeNet-5 does."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 40)
        self.register_buffer("codes", torch.randint(0, 2, (10, 40)) * 2.0 - 1)

    def forward(self, images: Tensor) -> Tensor:
        codes = self.get_buffer("codes")
        distances: Tensor = torch.cdist(torch.tanh(self.hidden(images.flatten(1))), codes).square()
        return distances


def test_a_network_of_penalties_learns_and_is_read_alike_everywhere(tmp_path: Path) -> None:
    """In training, by `evaluate`, and by `predict`, whose probabilities are the softmax of −y."""
    made = network("data: digits\nepochs: 2\noptimizer: adamw(lr=1e-2)\nloss: lenet1998\n", Distances)
    run = train(made, out=tmp_path / "run", device="cpu", display=silent())
    test = read_digits().test
    files = [tmp_path / f"{index}.png" for index in range(0, 360, 9)]
    for file in files:
        Image.fromarray(test.images[int(file.stem)][0].numpy()).save(file)

    seen = predict(run.folder, rebuild(made), files, top=10, device="cpu")

    assert run.metrics["test_accuracy"] > 0.8
    measured = evaluate(run.folder, rebuild(made), device="cpu").figures["accuracy"]
    assert measured == run.metrics["test_accuracy"]
    right = [p.classes[0][0] == str(int(test.labels[int(p.image.stem)])) for p in seen]
    assert sum(right) / len(right) == pytest.approx(measured, abs=0.1)
    assert all(sum(share for _, share in p.classes) == pytest.approx(1) for p in seen)
