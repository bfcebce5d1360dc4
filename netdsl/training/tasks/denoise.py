"""Pictures freed of noise: the network is given noisy patches and gives back clean ones.

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
from netdsl.training.data.dataset import DataSet, Split
from netdsl.training.image_quality import WINDOW, psnr, ssim
from netdsl.training.material import Material, image_shape
from netdsl.training.network import TrainableNetwork
from netdsl.training.noise import NoisyBatches, cut
from netdsl.training.optimization import make_loss
from netdsl.training.tasks.task import Forward, Notes, Say
from netdsl.training.transforms import Fitted, Scaling, pictures_only

SHOWN_PATCHES = 6
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
        sigma = recipe.task.arguments["sigma"]
        test_sigma = recipe.task.arguments["test_sigma"]
        self._sigma: tuple[float, float] = sigma if isinstance(sigma, tuple) else (sigma, sigma)
        self._test_sigma = self._sigma if test_sigma is None else (test_sigma, test_sigma)

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
        train = NoisyBatches(clean, self._sigma, recipe.seed)
        return Material(train, test, Scaling(None, None), remarks)

    def test(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Supply:
        shape = image_shape(network)
        if network.output != network.input:
            message = f"`{network.name}` makes {_spelled(network.output)} of {_spelled(network.input)}"
            help = "a picture freed of noise has the size of the noisy one: give convolutions their padding"
            raise fault("output-not-picture", message, exit_code=1, help=help)
        split: Split = cut(data.test.images, pictures_only(recipe.prepare, shape), shape, None)
        clean = Batches(
            split=split, prepare=None, augment=None, size=recipe.batch, seed=TEST_SEED, shuffled=False
        )
        say(f"noise of σ = {_range(self._sigma)} to train on, {_range(self._test_sigma)} to test on, of 255")
        return NoisyBatches(clean, self._test_sigma, TEST_SEED)

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._loss(output, target)
        return loss

    def notes(self, inputs: torch.Tensor, output: torch.Tensor, target: torch.Tensor) -> Notes:
        restored = output.clamp(0, 1)
        notes = {"psnr": psnr(restored, target), "noisy_psnr": psnr(inputs, target)}
        if min(target.shape[-2:]) >= WINDOW:
            notes |= {"ssim": ssim(restored, target), "noisy_ssim": ssim(inputs, target)}
        return notes

    def figures(self, notes: Notes) -> dict[str, float]:
        return {name: float(values.double().mean()) for name, values in notes.items()}

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        pairs = list(test.epoch(0))
        noisy, clean = (torch.cat(parts) for parts in zip(*pairs, strict=True))
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


def _range(sigma: tuple[float, float]) -> str:
    return f"{sigma[0]:g}" if sigma[0] == sigma[1] else f"{sigma[0]:g} to {sigma[1]:g}"
