"""A scene → pixels to learn from and to be tested on → batches of the windows around them.

R rows, C columns, B bands of a scene; H, W rows and columns of a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch.nn import functional as F

from netdsl.diagnostics import fault
from netdsl.training.batches import WHOLE, Augment, Batch, Share, batch_starts, cut_order
from netdsl.training.data.scene import Scene
from netdsl.training.seeds import SPLIT, Chance, derived, order_of


def principal_components(cube: torch.Tensor, count: int, whiten: bool) -> torch.Tensor:
    """The first principal components of all pixels' spectra, `(R, C, B)` → `(R, C, count)`.

    They are those of the whole scene, tests included, whose classes take no part: as in Roy et al. 2019.
    """
    from sklearn.decomposition import PCA  # a while to load, for those who ask for components

    rows, columns, bands = cube.shape
    pixels = cube.reshape(-1, bands).double().numpy()
    found = PCA(count, whiten=whiten, svd_solver="full").fit_transform(pixels)
    return torch.from_numpy(found).float().view(rows, columns, count)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Which pixels are learned from, and which tested; masks `(R, C)`."""

    train: torch.Tensor
    test: torch.Tensor
    left_out: int
    """Pixels whose class is known that are in neither."""


def split_at_random(scene: Scene, share: float, seed: int) -> Parts:
    """A share of each class' pixels to learn from, at least one, the others for tests, at least one."""
    generator = torch.Generator().manual_seed(derived(SPLIT, seed))
    train = torch.zeros(scene.truth.shape, dtype=torch.bool)
    for number in range(len(scene.classes)):
        places = (scene.truth == number).nonzero()
        chosen = places[torch.randperm(len(places), generator=generator)]
        count = min(max(round(share * len(places)), 1), max(len(places) - 1, 1))
        rows, columns = chosen[:count].unbind(1)
        train[rows, columns] = True
    return Parts(train, (scene.truth >= 0) & ~train, 0)


def split_by_blocks(scene: Scene, share: float, block: int, window: tuple[int, int], seed: int) -> Parts:
    """Whole blocks to learn from, the others for tests; no pixel that is tested lies in a window that is
    learned from.

    Blocks are taken in random order, each for training where most of its pixels are of what its classes still
    lack there; then pixels whose windows reach a test pixel are left out.
    """
    generator = torch.Generator().manual_seed(derived(SPLIT, seed))
    known = scene.truth >= 0
    classes = len(scene.classes)
    wanted = share * torch.bincount(scene.truth[known], minlength=classes).double()
    train = torch.zeros_like(known)
    corners = [(r, c) for r in range(0, known.shape[0], block) for c in range(0, known.shape[1], block)]
    for number in torch.randperm(len(corners), generator=generator).tolist():
        rows, columns = (slice(corner, corner + block) for corner in corners[number])
        labels = scene.truth[rows, columns]
        counts = torch.bincount(labels[labels >= 0], minlength=classes).double()
        if counts.sum() and torch.minimum(counts, wanted).sum() > counts.sum() / 2:
            train[rows, columns] = True
            wanted = (wanted - counts).clamp(min=0)
    test = known & ~train
    clear = known & train & ~_reached(test, window)
    return Parts(clear, test, int((known & train & ~clear).sum()))


def _reached(test: torch.Tensor, window: tuple[int, int]) -> torch.Tensor:
    """Where a window has a test pixel in it."""
    height, width = window
    before = (width // 2, width - 1 - width // 2, height // 2, height - 1 - height // 2)
    return F.max_pool2d(F.pad(test[None].float(), before), window, stride=1)[0] > 0


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Windows:
    """The windows around chosen pixels, cut into batches epoch by epoch."""

    values: torch.Tensor
    """The scene with mirrored borders, so that each pixel has its window: `(B, R + H − 1, C + W − 1)`."""
    scene: Scene
    places: torch.Tensor
    """Row and column of each pixel, `(pixels, 2)`."""
    shape: tuple[int, ...]
    """Of a sample: `(B, H, W)` or `(1, B, H, W)`."""
    size: int
    """Windows per batch."""
    seed: int
    shuffled: bool
    augment: Augment | None = None
    """What windows go through by chance."""
    share: Share = WHOLE

    def __len__(self) -> int:
        return len(self.places)

    @property
    def starts(self) -> Sequence[int]:
        return batch_starts(len(self), self.size)

    def shared(self, share: Share) -> Windows:
        return replace(self, share=share)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch: windows, as floats, and the numbers of classes."""
        order = order_of(number, len(self), self.seed) if self.shuffled else torch.arange(len(self))
        for chosen in cut_order(order, self.size, first, self.share):
            rows, columns = self.places[chosen].unbind(1)
            yield self._windows(number, chosen, rows, columns), self.scene.truth[rows, columns]

    def _windows(
        self, epoch: int, chosen: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        height, width = self.shape[-2:]
        every = self.values.unfold(1, height, 1).unfold(2, width, 1)  # a view, (B, R, C, H, W)
        windows = every[:, rows, columns].transpose(0, 1).reshape(len(rows), *self.shape)
        if self.augment is None:
            return windows
        volumes = self.augment(windows.flatten(1, -3), Chance(self.seed, epoch, chosen))
        return volumes.view(len(rows), *self.shape)


def mirrored(values: torch.Tensor, window: tuple[int, int]) -> torch.Tensor:
    """A scene `(R, C, B)` with borders that mirror it, `(B, R + H − 1, C + W − 1)`.

    Raises:
        Faults: the scene is smaller than half a window; exit code 1.
    """
    height, width = window
    rows, columns = values.shape[:2]
    if height // 2 >= rows or width // 2 >= columns:
        message = f"windows of {height}×{width} are too large for a scene of {rows}×{columns}"
        raise fault("image-size", message, exit_code=1, help="take a smaller input")
    borders = (width // 2, width - 1 - width // 2, height // 2, height - 1 - height // 2)
    return F.pad(values.permute(2, 0, 1)[None], borders, mode="reflect")[0]
