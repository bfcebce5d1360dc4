"""Pictures freed of noise, and of what scaling and JPEG do to them: the network is given such patches and
gives back clean ones.

Each figure is the mean over the test patches of what each has by itself; beside that of the restored ones
stands that of the noisy ones, from which the network set out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from netdsl.diagnostics import fault
from netdsl.training.augment.words import augmentation
from netdsl.training.batches import Batches, Supply
from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet, HeldImages, HeldSplit
from netdsl.training.degradation import Degradation
from netdsl.training.image_quality import WINDOW, psnr, ssim
from netdsl.training.material import Material, image_shape
from netdsl.training.network import TrainableNetwork
from netdsl.training.noise import DegradedBatches, cut
from netdsl.training.optimization import make_loss
from netdsl.training.tasks.task import Forward, Notes, Say
from netdsl.training.transforms import Fitted, Scaling, pictures_only

SHOWN_PATCHES = 6
KIND = "kind"
"""The note that holds the number of what a patch has lost."""
TEST_QUALITIES = (10, 20, 30, 40)
"""Of JPEG in tests: those of Zhang et al. 2016, table IV."""
TEST_SEED = 0
"""What the noise of test patches follows from, whatever the run's seed."""


@final
class Denoise:
    """Outputs are pictures as the inputs are, `(batch, C, H, W)`."""

    metric = "psnr"
    samples = "patches"
    is_labelled = False
    reads_heads = False

    def __init__(self, recipe: Recipe) -> None:
        self._loss = make_loss(recipe.loss)
        arguments = recipe.task.arguments
        sigma, scales, quality = arguments["sigma"], arguments["scales"], arguments["quality"]
        strengths: tuple[float, float] = sigma if isinstance(sigma, tuple) else (sigma, sigma)
        qualities = () if quality is None else range(int(quality[0]), int(quality[1]) + 1)
        self._training = Degradation(strengths, scales or (), qualities)
        if arguments["test_sigma"] is not None:
            strengths = (arguments["test_sigma"],) * 2
        self._tests = Degradation(strengths, scales or (), TEST_QUALITIES if quality else ())

    def material(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Material:
        test = self.test(network, recipe, data, say)
        shape = image_shape(network)
        augment = augmentation(recipe.augment)
        clean = Batches(
            split=cut(
                data.train.images,
                pictures_only(recipe.prepare, shape),
                shape,
                recipe.task.arguments["stride"],
            ),
            prepare=None,
            augment=None if augment is None else Fitted(augment, shape, "augment"),
            size=recipe.batch,
            seed=recipe.seed,
            shuffled=True,
        )
        clean.try_out()
        remarks = () if data.remark is None else (data.remark,)
        train = DegradedBatches(clean, self._training, recipe.seed)
        return Material(train, test, Scaling(None, None), remarks)

    def test(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Supply:
        shape = image_shape(network)
        if network.output != network.input:
            message = f"`{network.name}` makes {_spelled(network.output)} of {_spelled(network.input)}"
            help = "a picture freed of noise has the size of the noisy one: give convolutions their padding"
            raise fault("output-not-picture", message, exit_code=1, help=help)
        patches = cut(data.test.images, pictures_only(recipe.prepare, shape), shape, None)
        each, kinds = len(patches), len(self._tests.kinds)
        repeated = HeldImages(patches.images.values.repeat(kinds, 1, 1, 1))
        clean = Batches(
            split=HeldSplit(repeated, torch.arange(len(repeated))),
            prepare=None,
            augment=None,
            size=recipe.batch,
            seed=TEST_SEED,
            shuffled=False,
        )
        say(f"to train on {_spelled_losses(self._training)}; to test on {_spelled_losses(self._tests)}")
        return DegradedBatches(clean, self._tests, TEST_SEED, each)

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._loss(output, target[:, :-1])
        return loss

    def notes(self, inputs: torch.Tensor, output: torch.Tensor, target: torch.Tensor) -> Notes:
        restored, clean = output.clamp(0, 1), target[:, :-1]
        notes = {"psnr": psnr(restored, clean), "noisy_psnr": psnr(inputs, clean)}
        if min(clean.shape[-2:]) >= WINDOW:
            notes |= {"ssim": ssim(restored, clean), "noisy_ssim": ssim(inputs, clean)}
        return notes | {KIND: target[:, -1, 0, 0].long()}

    def figures(self, notes: Notes) -> dict[str, float]:
        measured = {name: values.double() for name, values in notes.items() if name != KIND}
        figures = {name: float(values.mean()) for name, values in measured.items()}
        kinds = self._tests.kinds
        for number, kind in enumerate(kinds if len(kinds) > 1 else ()):
            of_kind = notes[KIND] == number
            figures |= {f"{kind}_{name}": float(values[of_kind].mean()) for name, values in measured.items()}
        return figures

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        pairs = list(test.epoch(0))
        noisy, target = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        clean = target[:, :-1]
        chosen = torch.linspace(0, len(clean) - 1, min(SHOWN_PATCHES, len(clean))).long()
        return {"before_after.png": draw_patches(clean[chosen], noisy[chosen], forward(noisy[chosen]))}


def draw_patches(clean: torch.Tensor, noisy: torch.Tensor, restored: torch.Tensor) -> Figure:
    """Patches as they were, with noise, and restored, one row each, with the mean of their ratios."""
    restored = restored.clamp(0, 1)
    rows = torch.stack([clean, noisy.clamp(0, 1), restored])  # (3, N, C, H, W)
    mosaic = F.pad(rows, (1, 1, 1, 1), value=1.0).permute(0, 3, 1, 4, 2)  # (3, H, N, W, C)
    sheet = mosaic.flatten(2, 3).flatten(0, 1).squeeze(-1).numpy()
    height = mosaic.shape[1]
    figure = Figure(figsize=(1.6 * len(clean) + 1.6, 5))
    axes = figure.add_axes((1 / (len(clean) + 1), 0, len(clean) / (len(clean) + 1), 1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    ratios = ["", *(f"\n{float(psnr(patches, clean).mean()):.1f} dB" for patches in (noisy, restored))]
    for number, (name, ratio) in enumerate(zip(("clean", "noisy", "restored"), ratios, strict=True)):
        axes.text(-4, height * (number + 0.5), name + ratio, ha="right", va="center", fontsize=11)
    return figure


def _spelled(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _spelled_losses(degradation: Degradation) -> str:
    """What patches lose, as people say it."""
    low, high = degradation.sigma
    parts = [f"noise of σ = {low:g}" + f" to {high:g}" * (low != high) + " of 255"]
    if degradation.scales:
        parts.append(f"scaling by {', '.join(map(str, degradation.scales))}")
    if degradation.qualities:
        parts.append(f"JPEG of quality {degradation.qualities[0]} to {degradation.qualities[-1]}")
    return ", ".join(parts)
