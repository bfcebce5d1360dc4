"""Pictures freed of noise."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netdsl.training.batches import Batch
from netdsl.training.evaluation import evaluate, predict
from netdsl.training.network import TrainableNetwork
from netdsl.training.noise import DegradedBatches
from netdsl.training.progress import Display
from netdsl.training.recipe import check_recipe, resolve_recipe
from netdsl.training.run import Run
from netdsl.training.runner import train
from netdsl.training.tasks import make_task
from tests.training.data.test_folder import draw
from tests.training.networks import fault_of, network, rebuild, section, silent
from tests.training.tasks.resumption import resumes_to_the_same_bits


class Blur(nn.Module):
    """A picture less the noise that two convolutions find."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, channels, 5, padding=2)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        noise: Tensor = self.layers(pictures)
        return pictures - noise


RECIPE = """\
task: denoise(sigma=50)
data: photographs
augment: hflip -> rotate90
batch: 16
epochs: 2
optimizer: adam(lr=3e-3)
schedule: constant
"""


def denoiser(recipe: str = RECIPE, shape: tuple[int, ...] = (1, 48, 48)) -> TrainableNetwork:
    return network(recipe, lambda: Blur(shape[0]), input=shape, output=shape)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(denoiser(), out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def test_noise_is_taken_off(run: Run) -> None:
    """By 2 dB in two epochs; what the noise leaves is known: 10 log₁₀(255² / 50²) = 14.15 dB."""
    assert run.metrics["test_noisy_psnr"] == pytest.approx(14.15, abs=0.05)
    assert run.metrics["test_psnr"] > run.metrics["test_noisy_psnr"] + 2
    assert run.metrics["test_ssim"] > run.metrics["test_noisy_ssim"]


def test_a_run_says_what_it_was_trained_on(run: Run) -> None:
    assert (run.facts.samples, run.facts.train_samples, run.facts.test_samples) == ("patches", 128, 64)
    assert "two photographs alone" in run.facts.remarks[0]
    page = (run.folder / "report.md").read_text()
    assert run.facts.remarks[0] in page
    assert "![before_after](before_after.png)" in page
    assert "| noisy_psnr |" in page
    assert "netdsl predict" not in page
    assert (run.folder / "before_after.png").read_bytes().startswith(b"\x89PNG")


def test_it_is_measured_alike_afterwards_and_gone_on_with_to_the_same_bits(run: Run, tmp_path: Path) -> None:
    measured = evaluate(run.folder, rebuild(denoiser()), device="cpu").figures

    assert measured["psnr"] == run.metrics["test_psnr"]
    resumes_to_the_same_bits(denoiser(), run, tmp_path, tmp_path, (3, 11))


def test_tests_have_the_same_noise_whatever_the_seed(run: Run, tmp_path: Path) -> None:
    other = train(
        denoiser(),
        overrides={"seed": "4", "epochs": "1"},
        out=tmp_path / "run",
        device="cpu",
        display=silent(),
    )

    assert other.metrics["test_noisy_psnr"] == run.metrics["test_noisy_psnr"]
    assert other.metrics["train_noisy_psnr"] != run.rows[0]["train_noisy_psnr"]


def test_a_range_of_noise_is_tested_at_one_strength(tmp_path: Path) -> None:
    said = io.StringIO()

    run = train(
        denoiser(RECIPE.replace("sigma=50", "sigma=[0, 55], test_sigma=15")),
        overrides={"epochs": "1"},
        out=tmp_path / "run",
        device="cpu",
        display=Display(said),
    )

    assert "to train on noise of σ = 0 to 55 of 255; to test on noise of σ = 15 of 255" in said.getvalue()
    assert run.metrics["test_noisy_psnr"] == pytest.approx(24.61, abs=0.05)


def test_noise_scaling_and_compression_are_each_measured_for_themselves(tmp_path: Path) -> None:
    """DnCNN-3 in small; the tests have each of their 64 patches three times."""
    text = RECIPE.replace("sigma=50", "sigma=[0, 55], test_sigma=25, scales=[2, 3, 4], quality=[5, 99]")
    said = io.StringIO()

    run = train(denoiser(text), out=tmp_path / "run", device="cpu", display=Display(said))

    told = "to test on noise of σ = 25 of 255, scaling by 2, 3, 4, JPEG of quality 10 to 40"
    assert told in said.getvalue()
    assert run.facts.test_samples == 3 * 64
    for name in ("psnr", "noisy_psnr", "ssim"):
        of_kinds = [run.metrics[f"test_{kind}_{name}"] for kind in ("noise", "scale", "jpeg")]
        assert run.metrics[f"test_{name}"] == pytest.approx(sum(of_kinds) / 3)
    assert run.metrics["test_noise_noisy_psnr"] == pytest.approx(20.17, abs=0.05)
    assert run.metrics["test_noise_psnr"] > run.metrics["test_noise_noisy_psnr"] + 0.5
    measured = evaluate(run.folder, rebuild(denoiser(text)), device="cpu").figures
    assert measured["jpeg_psnr"] == run.metrics["test_jpeg_psnr"]
    resumes_to_the_same_bits(denoiser(text), run, tmp_path, tmp_path, (11,))


def test_clean_pictures_of_others_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held to other patches than their own, a network loses the picture with the noise."""
    degraded = DegradedBatches.epoch

    def dealt_out(batches: DegradedBatches, number: int, first: int = 0) -> Iterator[Batch]:
        for given, target in degraded(batches, number, first):
            yield given, target if number == 0 else target.roll(1, dims=0)

    monkeypatch.setattr(DegradedBatches, "epoch", dealt_out)

    run = train(denoiser(), out=tmp_path / "run", device="cpu", display=silent())

    assert run.metrics["test_psnr"] < run.metrics["test_noisy_psnr"] + 1


@pytest.mark.parametrize(
    ("loss", "by_hand"),
    [("dncnn2016", lambda error: error.square().sum() / 6), ("mse", lambda error: error.square().mean())],
)
def test_the_loss_is_what_it_says(loss: str, by_hand: object) -> None:
    torch.manual_seed(0)
    output, target = torch.rand(2, 3, 1, 4, 4)
    assert callable(by_hand)

    task = make_task(resolve_recipe(section(f"task: denoise\nloss: {loss}"), {}, {}))

    assert float(task.loss(output, torch.cat([target, target[:, :1]], dim=1))) == pytest.approx(
        float(by_hand(output - target))
    )


def test_photographs_are_to_free_of_noise_unless_said_otherwise() -> None:
    recipe = resolve_recipe(section("data: photographs"), {}, {})

    assert (recipe.task.word, recipe.loss.word, recipe.prepare) == ("denoise", "dncnn2016", ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("task: denoise\nprepare: normalize(0.5, 0.5)", "word-of-other-task"),
        ("task: denoise\naugment: random_erasing", "word-of-other-task"),
        ("task: denoise\nloss: cross_entropy", "word-of-other-task"),
        ("task: classify\ndata: photographs", "word-of-other-task"),
        ("task: denoise(sigma=[25, 5])", "argument-range"),
        ("task: denoise(sigma=256)", "argument-range"),
        ('task: denoise(sigma="much")', "argument-type"),
        ("task: denoise(stride=0)", "argument-range"),
        ("task: denoise(scales=[1])", "argument-range"),
        ("task: denoise(scales=2)", "argument-type"),
        ("task: denoise(quality=[0, 99])", "argument-range"),
        ("task: denoise(quality=[99, 5])", "argument-range"),
    ],
)
def test_what_has_no_meaning_is_told(text: str, code: str) -> None:
    assert [diagnostic.code for diagnostic in check_recipe(section(text), {})] == [code]


def test_pictures_in_folders_need_no_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        draw(tmp_path / part / "a.png", size=(50, 30))
        draw(tmp_path / part / "more" / "b.png", size=(40, 40), mode="L")
    recipe = RECIPE.replace("photographs", f"folder:{tmp_path}").replace("sigma=50", "sigma=25, stride=10")

    run = train(denoiser(recipe, (3, 20, 20)), out=tmp_path / "run", device="cpu", display=silent())

    assert (run.facts.train_samples, run.facts.test_samples) == (2 * 4 + 3 * 3, 2 + 4)


def test_small_patches_have_no_windows_for_similarity(tmp_path: Path) -> None:
    run = train(
        denoiser("task: denoise\ndata: digits\nepochs: 1\n", (1, 8, 8)),
        out=tmp_path / "run",
        device="cpu",
        display=silent(),
    )

    assert "test_psnr" in run.metrics
    assert "test_ssim" not in run.metrics


def test_an_output_that_is_no_picture_of_the_input_s_size_is_told(tmp_path: Path) -> None:
    made = network(RECIPE, Blur, input=(1, 48, 48), output=(1, 46, 46))

    assert fault_of(lambda: train(made, out=tmp_path / "run", device="cpu")) == ("output-not-picture", 1)


def test_patches_that_are_not_square_cannot_be_turned(tmp_path: Path) -> None:
    made = denoiser(RECIPE, (1, 40, 60))

    assert fault_of(lambda: train(made, out=tmp_path / "run", device="cpu")) == ("image-size", 1)


def test_it_names_no_classes(run: Run, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.png", mode="L", size=(48, 48))

    assert fault_of(lambda: predict(run.folder, rebuild(denoiser()), [picture])) == ("no-classes", 2)
