"""Two classes told apart by one logit; the figures are held against scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import metrics
from torch import Tensor

from netdsl.training.evaluation import evaluate, predict
from netdsl.training.network import TrainableNetwork
from netdsl.training.recipe import resolve_recipe
from netdsl.training.runner import train
from netdsl.training.tasks import make_task
from netdsl.training.tasks.binary import area_under_roc, draw_roc
from tests.training.data.test_folder import draw
from tests.training.data.test_ichallenge_pm import published
from tests.training.networks import Small, fault_of, faults_of, network, rebuild, section, silent
from tests.training.tasks.resumption import resumes_to_the_same_bits


def outputs(seed: int, count: int = 200, distinct: int = 40) -> tuple[Tensor, Tensor]:
    """Logits with many ties, and labels that follow them loosely."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    logits = np.round((random.normal(size=count) + labels) * distinct / 8) * 8 / distinct
    return torch.tensor(logits, dtype=torch.float32)[:, None], torch.tensor(labels)


def figures(recipe: str, output: Tensor, target: Tensor) -> dict[str, float]:
    task = make_task(resolve_recipe(section(recipe), {}, {}))
    return task.figures(task.notes(output, output, target))


@pytest.mark.parametrize("threshold", [0.5, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_scikit_learn_s(seed: int, threshold: float) -> None:
    output, target = outputs(seed)
    seen = (output[:, 0].sigmoid() >= threshold).numpy()
    truth = target.numpy()

    found = figures(f"task: binary(threshold={threshold})", output, target)

    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(truth, seen),
            "auroc": metrics.roc_auc_score(truth, output[:, 0].numpy()),
            "sensitivity": metrics.recall_score(truth, seen),
            "specificity": metrics.recall_score(truth, seen, pos_label=0),
        }
    )


def test_ties_count_half_and_one_class_alone_has_no_area() -> None:
    assert area_under_roc(torch.zeros(4), torch.tensor([True, False, True, False])) == 0.5
    assert area_under_roc(torch.tensor([2.0, 1.0]), torch.tensor([True, False])) == 1.0
    assert np.isnan(area_under_roc(torch.zeros(2), torch.tensor([True, True])))


def test_the_curve_is_scikit_learn_s() -> None:
    output, target = outputs(5)
    line = draw_roc(output[:, 0], target == 1).axes[0].lines[0]

    false_alarms, sensitivity, _ = metrics.roc_curve(
        target.numpy(), output[:, 0].numpy(), drop_intermediate=False
    )

    assert np.allclose(np.asarray(line.get_xydata()), np.stack([false_alarms, sensitivity], axis=1))


@pytest.mark.parametrize(("loss", "weight"), [("none", 1.0), ("binary_cross_entropy(3)", 3.0)])
def test_the_loss_is_the_cross_entropy_of_the_sigmoid(loss: str, weight: float) -> None:
    output, target = outputs(1)
    words = "" if loss == "none" else f"loss: {loss}"
    task = make_task(resolve_recipe(section(f"task: binary\n{words}"), {}, {}))
    likely = output[:, 0].double().sigmoid()

    by_hand = -(weight * target * likely.log() + (1 - target) * (1 - likely).log()).mean()

    assert float(task.loss(output, target)) == pytest.approx(float(by_hand), rel=1e-5)


def eyes(root: Path) -> Path:
    """iChallenge-PM with images that can be told apart: those of the second class are bright."""
    folder = published(root / "ichallenge_pm", is_nested=False)
    random = np.random.default_rng(0)
    for part, rows in (("PALM-Training400", "HNP"), ("PALM-Validation400", "V")):
        for letter in rows:
            for number in range(1, 17):
                is_bright = letter == "P" or (letter == "V" and number % 2 == 0)
                values = random.integers(0, 128, (10, 12, 3), dtype=np.uint8) + 96 * is_bright
                Image.fromarray(values.astype(np.uint8)).save(folder / part / f"{letter}{number:04d}.jpg")
    rows = "".join(f"{n},V{n:04d}.jpg,{int(n % 2 == 0)},0,0\n" for n in range(1, 17))
    (folder / "labels.csv").write_text(f"ID,imgName,Label,Fovea_X,Fovea_Y\n{rows}")
    return root


RECIPE = """\
data: [ichallenge_pm]
prepare: resize([8, 8]) -> bgr -> normalize(0.5, 0.5)
batch: 10
epochs: 3
optimizer: sgd(lr=0.05, momentum=0.9)
schedule: constant
"""


def one_logit(recipe: str = RECIPE) -> TrainableNetwork:
    return network(recipe, lambda: Small(3, 1), input=(3, 8, 8), output=(1,))


def test_ill_and_well_eyes_are_told_apart_and_gone_on_with_to_the_same_bits(tmp_path: Path) -> None:
    made, root = one_logit(), eyes(tmp_path)

    run = train(made, out=tmp_path / "run", root=root, device="cpu", display=silent())

    assert run.metrics["test_auroc"] > 0.95
    assert {"test_accuracy", "test_sensitivity", "test_specificity"} < set(run.metrics)
    assert run.facts.classes == ("not pathologic", "pathologic")
    assert (run.folder / "roc.png").read_bytes().startswith(b"\x89PNG")
    measured = evaluate(run.folder, rebuild(made), root=root, device="cpu").figures
    assert {f"test_{name}": value for name, value in measured.items()}.items() <= run.metrics.items()
    resumes_to_the_same_bits(made, run, tmp_path, root, (2, 7))


def test_an_image_gets_both_classes_probabilities(tmp_path: Path) -> None:
    made, root = one_logit(), eyes(tmp_path)
    run = train(made, out=tmp_path / "run", root=root, device="cpu", display=silent())
    file = root / "ichallenge_pm" / "PALM-Training400" / "P0003.jpg"

    (seen,) = predict(run.folder, rebuild(made), [file], device="cpu")

    assert {name for name, _ in seen.classes} == {"not pathologic", "pathologic"}
    assert sum(share for _, share in seen.classes) == pytest.approx(1)


def test_a_folder_of_two_classes_will_do(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            for number in range(3):
                draw(tmp_path / part / name / f"{number}.png", seed=number)
    made = one_logit(f"task: binary\ndata: folder:{tmp_path}\nepochs: 1\n")

    run = train(made, out=tmp_path / "run", device="cpu", display=silent())

    assert 0 <= run.metrics["test_auroc"] <= 1


def test_other_outputs_and_other_numbers_of_classes_are_told(tmp_path: Path) -> None:
    two = network("task: binary\ndata: digits\n", lambda: Small(1, 2), output=(2,))
    ten = network("task: binary\ndata: digits\n", lambda: Small(1, 1), output=(1,))

    assert fault_of(lambda: train(two, out=tmp_path / "a", device="cpu")) == ("output-not-one", 1)
    assert fault_of(lambda: train(ten, out=tmp_path / "b", device="cpu")) == ("not-two-classes", 2)


def test_a_part_without_one_of_the_classes_is_told(tmp_path: Path) -> None:
    for path in ("train/cat/0", "train/dog/0", "test/dog/0"):
        draw(tmp_path / f"{path}.png")

    found, exit_code = faults_of(
        lambda: train(
            one_logit(f"task: binary\ndata: folder:{tmp_path}\n"), out=tmp_path / "run", device="cpu"
        )
    )

    assert ([d.code for d in found], exit_code) == (["not-two-classes"], 3)
    assert "the test part" in found[0].message
    assert "has no image of `cat`" in found[0].message
