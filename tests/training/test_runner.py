"""The runner: trains what it is told, goes on to the same bits, and says what stops it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from netdsl.training.checkpoint import MODEL, STATE, Keeping, Position, positions, read_checkpoint
from netdsl.training.data import find
from netdsl.training.data.dataset import DataSet
from netdsl.training.data.digits import read_digits
from netdsl.training.progress import Display
from netdsl.training.run import Run, read_run
from netdsl.training.runner import train
from netdsl.training.seeds import WEIGHTS, derived
from tests.training.data import test_cifar, test_folder
from tests.training.networks import QUICK, Small, fault_of, faults_of, network, silent
from tests.training.runs import (
    PER_EPOCH,
    RECIPE,
    Stopped,
    Stopping,
    digests,
    few_digits,
    figures,
    small_world,
)


@pytest.fixture(autouse=True, scope="module")
def _small_world() -> Iterator[None]:
    with small_world():
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run of RECIPE."""
    return train(
        network(RECIPE), out=tmp_path_factory.mktemp("runs") / "whole", device="cpu", display=silent()
    )


def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: DataSet) -> Run:
    """A run over all digits, for as long as it takes to tell learning from chance."""
    monkeypatch.setattr(find, "read_digits", lambda: data)
    return train(network(QUICK), out=tmp_path / "run", device="cpu", display=silent())


def test_a_small_network_learns_the_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs reach 0.9; chance is 0.1."""
    run = learned(tmp_path, monkeypatch, read_digits())

    assert run.metrics["test_accuracy"] > 0.75
    assert run.rows[1]["train_loss"] < run.rows[0]["train_loss"]


def test_shuffled_labels_stay_at_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figure is of the test data: nothing of them leaks into training."""
    data = read_digits()
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
    data.train.labels.copy_(data.train.labels[order])

    assert learned(tmp_path, monkeypatch, data).metrics["test_accuracy"] < 0.3


def test_the_same_seed_gives_the_same_run(undisturbed: Run, tmp_path: Path) -> None:
    torch.manual_seed(99)

    again = train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent())

    assert figures(again) == figures(undisturbed)
    assert digests(again.folder) == digests(undisturbed.folder)


def test_another_seed_gives_another(undisturbed: Run, tmp_path: Path) -> None:
    other = train(
        network(RECIPE),
        out=tmp_path / "run",
        overrides={"seed": "1", "epochs": "1"},
        device="cpu",
        display=silent(),
    )

    assert figures(other)[0]["train_loss"] != figures(undisturbed)[0]["train_loss"]


@pytest.mark.parametrize("steps", [1, PER_EPOCH, PER_EPOCH + 1, 2 * PER_EPOCH + 7, 4 * PER_EPOCH - 1])
def test_a_run_stopped_anywhere_goes_on_to_the_same_bits(
    undisturbed: Run, tmp_path: Path, steps: int
) -> None:
    with pytest.raises(Stopped):
        train(network(RECIPE), out=tmp_path / "run", device="cpu", display=Stopping(steps))

    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=silent())

    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)
    assert figures(read_run(run.folder)) == figures(undisturbed)


@pytest.mark.parametrize("steps", [1, PER_EPOCH - 1, PER_EPOCH, 2 * PER_EPOCH + 4])
def test_a_run_goes_on_from_within_an_epoch_to_the_same_bits(
    undisturbed: Run, tmp_path: Path, steps: int
) -> None:
    """The epoch's own figures included."""
    always = Keeping(every_seconds=0)
    display = Stopping(steps + 1)
    with pytest.raises(Stopped):
        train(network(RECIPE), out=tmp_path / "run", device="cpu", keeping=always, display=display)
    said = io.StringIO()

    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=Display(said))

    assert f"going on after {Position(*divmod(steps, PER_EPOCH))}" in said.getvalue()
    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_run_stopped_between_an_epoch_s_steps_and_its_tests_goes_on_to_the_same_bits(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Stopped

    always = Keeping(every_seconds=0)
    with monkeypatch.context() as patched:
        patched.setattr("netdsl.training.epochs.measure", stop)
        with pytest.raises(Stopped):
            train(network(RECIPE), out=tmp_path / "run", device="cpu", keeping=always, display=silent())

    assert positions(tmp_path / "run" / "checkpoints") == [(0, PER_EPOCH - 1), (0, PER_EPOCH)]
    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=silent())
    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_run_stopped_inside_a_save_goes_on_to_the_same_bits(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, target: Path) -> None:
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stop)
        with pytest.raises(Stopped):
            train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent())

    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=silent())

    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_run_whose_latest_checkpoint_is_damaged_goes_on_from_the_one_before(
    undisturbed: Run, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        train(network(RECIPE), out=tmp_path / "run", device="cpu", display=Stopping(3 * PER_EPOCH))
    path = tmp_path / "run" / "checkpoints" / "epoch-0002" / MODEL
    path.write_bytes(path.read_bytes()[:100])
    said = io.StringIO()

    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=Display(said))

    assert "passed over: " in said.getvalue()
    assert "going on after epoch 1" in said.getvalue()
    assert digests(run.folder) == digests(undisturbed.folder)


CHILD = """
import sys, torch
from tests.training.runs import RECIPE, few_digits
from tests.training.networks import network, silent
from netdsl.training.data import find
from netdsl.training.data.dataset import DataSet, HeldImages, Split, held
from netdsl.training.data.digits import read_digits
from netdsl.training.runner import train
torch.set_num_threads(1)
find.read_digits = few_digits
train(network(RECIPE), out=sys.argv[1], device="cpu", display=silent())
"""


def test_a_killed_process_is_gone_on_with_by_another(undisturbed: Run, tmp_path: Path) -> None:
    """SIGKILL once two epochs are kept; a process of its own makes the same bits as this one."""
    folder = tmp_path / "run"
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], cwd=root, env=dict(os.environ))
    try:
        while child.poll() is None and len(positions(folder / "checkpoints")) < 2:
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()

    run = train(network(RECIPE), resume=folder, device="cpu", display=silent())

    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_finished_run_can_be_given_more_epochs(tmp_path: Path) -> None:
    recipe = QUICK + "schedule: constant\n"
    short = train(network(recipe), out=tmp_path / "short", device="cpu", display=silent())
    longer = train(
        network(recipe), out=tmp_path / "long", overrides={"epochs": "3"}, device="cpu", display=silent()
    )

    more = train(
        network(recipe), resume=short.folder, overrides={"epochs": "3"}, device="cpu", display=silent()
    )

    assert figures(more) == figures(longer)
    assert read_run(short.folder).recipe.epochs == 3
    said = io.StringIO()
    done = train(network(recipe), resume=short.folder, device="cpu", display=Display(said))
    assert figures(done) == figures(more)
    assert "finished already, at epoch 3" in said.getvalue()


def test_a_run_folder_is_complete(undisturbed: Run) -> None:
    folder = undisturbed.folder

    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [".lock", "spec.yaml", "model.py", "recipe.json", "run.json", "metrics.jsonl", "checkpoints",
         "curves.png", "confusion.png", "mistakes.png", "report.html", "report.md", "report.json"]
    )  # fmt: skip
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert set(rows[0]) == {
        "epoch", "train_loss", "train_accuracy", "train_top5_accuracy", "test_loss", "test_accuracy",
        "test_top5_accuracy", "learning_rate", "samples_per_second", "seconds",
    }  # fmt: skip
    facts = read_run(folder).facts
    assert (facts.data, facts.train_samples, facts.test_samples, facts.precision) == (
        "digits",
        288,
        72,
        "fp32",
    )
    assert facts.versions["torch"] == torch.__version__
    assert (folder / "spec.yaml").read_text() == f"train:\n{RECIPE}"
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.md").read_text()
    assert f"**Test accuracy {rows[-1]['test_accuracy']:.4f}** after epoch 4, on 72 images" in page
    assert json.loads((folder / "report.json").read_text())["finished"] is True


def test_the_figures_are_those_of_the_saved_weights(undisturbed: Run) -> None:
    """Recomputed by hand, with torch alone, from the checkpoint and the published digits."""
    read = read_checkpoint(undisturbed.folder / "checkpoints", Position(4))
    assert not isinstance(read, str)
    made = Small()
    made.load_state_dict(read.model)
    data = few_digits()
    images = torch.stack([data.test.images[index] for index in range(72)]).float() / 255
    own = torch.stack([data.train.images[index] for index in range(288)]).float() / 255
    scaled = (images - own.mean()) / own.std(correction=0)

    predicted = made.eval()(scaled).argmax(1)

    assert float((predicted == data.test.labels).float().mean()) == pytest.approx(
        undisturbed.metrics["test_accuracy"]
    )


def test_a_fallback_is_said_and_recorded(tmp_path: Path) -> None:
    said = io.StringIO()
    recipe = QUICK.replace("data: digits", "data: [cifar10, digits]").replace("epochs: 2", "epochs: 1")

    run = train(
        network(recipe, lambda: Small(3), input=(3, 8, 8)),
        out=tmp_path / "run",
        root=tmp_path / "empty",
        device="cpu",
        display=Display(said),
    )

    assert "INSTEAD, THE FALLBACK IS USED: digits" in said.getvalue()
    assert run.facts.data == "digits"
    assert "`cifar10` is not in" in run.facts.passed_over[0]
    assert "**A fallback was used.**" in (run.folder / "report.md").read_text()


def test_a_spec_without_a_recipe_is_trained_by_the_default_one_and_says_so(tmp_path: Path) -> None:
    said = io.StringIO()

    train(network(""), out=tmp_path / "run", overrides={"epochs": "1"}, device="cpu", display=Display(said))

    assert "the spec has no `train`: the default recipe is used" in said.getvalue()
    assert "adamw(lr=0.001" in said.getvalue()


def test_plain_output_has_a_line_for_each_epoch(tmp_path: Path) -> None:
    said = io.StringIO()

    train(network(QUICK), out=tmp_path / "run", device="cpu", display=Display(said))

    lines = [line for line in said.getvalue().splitlines() if line.startswith("epoch")]
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "images/s" in lines[0]
    assert "\x1b" not in said.getvalue()


def test_images_of_a_folder_are_trained_on(tmp_path: Path) -> None:
    """Two classes told apart by their colour; images of several sizes, and a center crop to fit them."""
    for part, count in (("train", 12), ("val", 4)):
        for name, colour in (("blue", 200), ("red", 40)):
            for number in range(count):
                path = test_folder.draw(tmp_path / part / name / f"{number}.png", size=(10 + number, 9))
                _tint(path, colour)
    recipe = (
        f"data: folder:{tmp_path}\nprepare: resize(8) -> center_crop(8) -> normalize(0.5, 0.25)\n"
        "augment: hflip\nbatch: 8\nepochs: 4\noptimizer: adamw(lr=0.02)\n"
    )

    run = train(
        network(recipe, lambda: Small(3, 2), input=(3, 8, 8), output=(2,)),
        out=tmp_path / "run",
        device="cpu",
        display=silent(),
    )

    assert run.facts.classes == ("blue", "red")
    assert run.metrics["test_accuracy"] == 1.0


def _tint(path: Path, blue: int) -> None:
    with Image.open(path) as file:
        pixels = file.convert("RGB")
    red, green, _ = pixels.point(lambda value: value // 8).split()
    Image.merge("RGB", (red, green, Image.new("L", pixels.size, blue))).save(path)


def test_what_does_not_fit_into_memory_is_streamed_to_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_cifar.published(tmp_path / "data", "cifar10")
    recipe = (
        "data: cifar10\nprepare: resize(8) -> normalize(0.5, 0.25)\naugment: hflip\nbatch: 16\nepochs: 2\n"
    )

    def once(out: str, **overrides: str) -> Run:
        made = network(recipe, lambda: Small(3), input=(3, 8, 8))
        return train(
            made,
            out=tmp_path / out,
            root=tmp_path / "data",
            overrides=overrides,
            device="cpu",
            display=silent(),
        )

    held = once("held")
    monkeypatch.setattr("netdsl.training.holding.HELD_BYTES", 0)
    streamed, by_workers = once("streamed", workers="0"), once("workers", workers="2")

    assert figures(streamed) == figures(held)
    assert figures(by_workers) == figures(held)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_random_resized_crop_cuts_from_the_whole_image(tmp_path: Path, channels: int) -> None:
    """It takes the place of what `prepare` does to sizes; channels become the network's all the same."""
    test_cifar.published(tmp_path / "data", "cifar10")
    recipe = (
        "data: cifar10\nprepare: resize(10) -> center_crop(8) -> normalize(mean, std)\n"
        "augment: random_resized_crop(8)\nbatch: 16\nepochs: 1\n"
    )

    run = train(
        network(recipe, lambda: Small(channels), input=(channels, 8, 8)),
        out=tmp_path / "run",
        overrides={"workers": "0"},
        root=tmp_path / "data",
        device="cpu",
        display=silent(),
    )

    assert len(run.rows) == 1
    assert len(run.facts.mean or ()) == channels


class WithHead(nn.Module):
    """In training a dictionary with the output of a head, otherwise the output, as printed networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.main, self.aux = Small(), Small()

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        output: Tensor = self.main(images)
        return {"output": output, "aux": self.aux(images)} if self.training else output


def test_a_head_s_loss_counts_by_its_weight(tmp_path: Path) -> None:
    """With weight 0 a head's weights only decay, here not at all; with another they learn."""
    recipe = QUICK.replace("adamw(lr=2e-2)", "sgd(lr=0.1)").replace("epochs: 2", "epochs: 1")
    changed = {}
    for weight in (0.0, 0.3):
        run = train(
            network(recipe, WithHead, head_weights={"aux": weight}),
            out=tmp_path / str(weight),
            device="cpu",
            display=silent(),
        )
        read = read_checkpoint(run.folder / "checkpoints", Position(1))
        assert not isinstance(read, str)
        begun = _first_weights(run)
        changed[weight] = not torch.equal(read.model["aux.head.weight"], begun["aux.head.weight"])
        assert not torch.equal(read.model["main.head.weight"], begun["main.head.weight"])

    assert changed == {0.0: False, 0.3: True}


def _first_weights(run: Run) -> Mapping[str, Tensor]:
    torch.manual_seed(derived(WEIGHTS, run.recipe.seed))
    return WithHead().state_dict()


def test_bf16_trains_as_well(tmp_path: Path) -> None:
    run = train(
        network(RECIPE), out=tmp_path / "run", overrides={"precision": "bf16"}, device="cpu", display=silent()
    )

    assert run.facts.precision == "bf16"
    assert run.metrics["test_accuracy"] > 0.5


# What stops a run


def refused(tmp_path: Path, recipe: str = QUICK, **changes: object) -> tuple[str, int]:
    made = network(recipe, **changes)  # type: ignore[arg-type]
    found = fault_of(lambda: train(made, out=tmp_path / "run", root=tmp_path, device="cpu", display=silent()))
    assert not (tmp_path / "run").exists()
    return found


def test_a_wrong_recipe_is_the_spec_s_fault(tmp_path: Path) -> None:
    assert refused(tmp_path, "batch: 0\n") == ("recipe-value", 1)


def test_another_number_of_classes_is_told_before_training(tmp_path: Path) -> None:
    found, exit_code = faults_of(
        lambda: train(
            network(QUICK, lambda: Small(classes=7), output=(7,)), out=tmp_path / "run", device="cpu"
        )
    )

    assert exit_code == 2
    assert found[0].message == "`small` has 7 outputs, `digits` has 10 classes"
    assert found[0].help == "give `--set classes=10`"


def test_an_output_that_is_no_list_of_classes_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, output=(10, 4, 4)) == ("output-not-classes", 1)


def test_an_input_that_is_no_image_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, input=(64,)) == ("input-not-image", 1)


@pytest.mark.parametrize(
    "key",
    [
        "prepare: resize(9)",
        "prepare: resize([8, 9])",
        "augment: random_crop(9)",
        "augment: random_crop(7)",
        "augment: random_resized_crop(12)",
        "prepare: grayscale -> rgb",
    ],
)
def test_images_that_do_not_come_out_at_the_network_s_input_are_told(tmp_path: Path, key: str) -> None:
    assert refused(tmp_path, f"{QUICK}{key}\n") == ("image-size", 1)


def test_absent_data_are_told(tmp_path: Path) -> None:
    assert refused(tmp_path, QUICK.replace("digits", "cifar10")) == ("missing-data", 3)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = fault_of(lambda: train(network(), out=tmp_path / "file" / "run", device="cpu", display=silent()))

    assert found == ("run-folder-unwritable", 2)


def test_a_folder_that_holds_something_is_told(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")

    assert fault_of(lambda: train(network(), out=tmp_path, device="cpu", display=silent())) == (
        "run-folder-taken",
        2,
    )


def test_a_resumed_run_keeps_its_recipe_its_spec_and_its_data(
    undisturbed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = undisturbed.folder

    def resumed(
        recipe: str = RECIPE, settings: Mapping[str, str] | None = None, **overrides: str
    ) -> tuple[str, int]:
        made = network(recipe, settings=settings)
        return fault_of(
            lambda: train(made, resume=folder, overrides=overrides, device="cpu", display=silent())
        )

    assert resumed(batch="3") == ("resume-override", 2)
    assert resumed(RECIPE.replace("0.2", "0.3")) == ("resume-other-spec", 2)
    assert resumed(settings={"classes": "10"}) == ("resume-other-spec", 2)
    monkeypatch.setattr(find, "read_digits", lambda: replace(few_digits(), fingerprint="changed"))
    assert resumed() == ("data-changed", 3)


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    assert fault_of(lambda: train(network(), resume=tmp_path, device="cpu")) == ("missing-run", 2)


@pytest.mark.parametrize("name", ["run.json", "recipe.json", "metrics.jsonl"])
@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) * 2 // 5], lambda text: text.replace('"', "", 1)]
)
def test_a_damaged_run_is_told(undisturbed: Run, name: str, damage: object) -> None:
    path = undisturbed.folder / name
    whole = path.read_text()
    assert callable(damage)
    path.write_text(damage(whole))
    try:
        code, exit_code = fault_of(lambda: read_run(undisturbed.folder))
    finally:
        path.write_text(whole)

    assert code in ("damaged-run", "damaged-recipe")
    assert exit_code == 5


def test_a_run_whose_checkpoints_are_all_damaged_is_told(tmp_path: Path) -> None:
    run = train(network(QUICK), out=tmp_path / "run", device="cpu", display=silent())
    for position in positions(run.folder / "checkpoints"):
        (run.folder / "checkpoints" / position.folder / STATE).write_text("{}")

    found = fault_of(lambda: train(network(QUICK), resume=run.folder, device="cpu", display=silent()))

    assert found == ("damaged-checkpoint", 5)
