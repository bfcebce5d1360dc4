"""Images → batches of bytes: from memory where they fit, by worker processes where they do not.

An epoch is a pure function of (seed, epoch): see `seeds`. Batches are `(batch, channels, height, width)`
bytes and `(batch,)` labels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, final

import torch
from torch.utils.data import DataLoader, Dataset

from netdsl.diagnostics import Diagnostic, Faults, fault
from netdsl.training.data.dataset import HeldImages, HeldSplit, ImageFiles, Split
from netdsl.training.seeds import order_of, reseed_sample
from netdsl.training.transforms import ImageShape, Transform

Batch = tuple[torch.Tensor, torch.Tensor]
"""Inputs and targets, `(batch, …)` each."""

HELD_BYTES = 2 * 2**30
"""The largest split that is kept in memory, sized and as bytes; at most a quarter of what the machine has."""
SIZED_AT_ONCE = 4096
"""Images that are resized in one go."""
MOST_DAMAGED = 10
"""Damaged images that are named before reading stops."""
MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every batch that one of several processes makes; whole batches do not depend on it."""

    rank: int = 0
    """The process' number, from 0."""
    ranks: int = 1
    """How many there are."""

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """A stretch of a batch's samples; those of all ranks in turn are the batch. Lengths differ by one at
        most, so that a batch of fewer samples than ranks leaves some without any."""
        return batch.tensor_split(self.ranks)[self.rank]


WHOLE = Share()


class Supply(Protocol):
    """Samples, cut into batches epoch by epoch."""

    def __len__(self) -> int:
        """Samples of an epoch, all shares together."""
        ...

    @property
    def starts(self) -> Sequence[int]:
        """Where batches begin in the order of an epoch."""
        ...

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1; of tests, which are alike in all epochs, 0 is asked for.

        Args:
            number: the epoch.
            first: the batch to begin with; those before it are not made.

        Raises:
            Faults: a sample is damaged; exit code 3.
        """
        ...

    def shared(self, share: Share) -> Self:
        """The same supply, but that each batch has a share of its samples alone; `starts` stay."""
        ...


def hold(split: Split, size: Transform, shape: ImageShape, say: Callable[[str], None]) -> HeldSplit | None:
    """The split with all its images sized and in memory; None where they are too many.

    Raises:
        Faults: images are damaged; exit code 3.
    """
    if len(split) * math.prod(shape) > memory_for_images():
        return None
    if isinstance(split.images, ImageFiles):
        say(f"reading {len(split):,} images")
        values = torch.empty(len(split), *shape, dtype=torch.uint8)
        with ThreadPoolExecutor(min(MOST_WORKERS, os.cpu_count() or 1)) as pool:
            _fill(values, split, size, pool)
        return HeldSplit(HeldImages(values), split.labels)
    assert isinstance(split.images, HeldImages)
    sized = torch.cat([size(part) for part in torch.split(split.images.values, SIZED_AT_ONCE)])
    return HeldSplit(HeldImages(sized.contiguous()), split.labels)


def memory_for_images() -> int:
    """Bytes of images that are kept in memory."""
    return min(HELD_BYTES, _memory_bytes() // 4)


def _memory_bytes() -> int:
    """The memory of the machine; where the system does not say, more than any split needs."""
    known = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else 2**62


def _fill(values: torch.Tensor, split: Split, size: Transform, pool: ThreadPoolExecutor) -> None:
    damaged: list[Diagnostic] = []

    def read(index: int) -> None:
        if len(damaged) < MOST_DAMAGED:
            try:
                values[index] = size(split.images[index])
            except Faults as faults:
                damaged.extend(faults.diagnostics)

    list(pool.map(read, range(len(split))))
    if damaged:
        raise Faults(sorted(damaged, key=lambda diagnostic: diagnostic.message), exit_code=3)


def batch_starts(count: int, size: int) -> Sequence[int]:
    """Where batches of a size begin among so many samples. A last one that would be alone joins the batch
    before it, since a batch normalisation cannot learn from one."""
    starts = range(0, count, size)
    return starts[:-1] if len(starts) > 1 and count % size == 1 else starts


def cut_order(order: torch.Tensor, size: int, first: int, share: Share) -> list[torch.Tensor]:
    """The samples of each batch from the first one wanted on, as numbers; of each batch, a share."""
    starts = batch_starts(len(order), size)
    ends = [*starts[1:], len(order)]
    bounds = list(zip(starts, ends, strict=True))[first:]
    return [share.of(order[start:end]) for start, end in bounds]


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batches:
    """A split, cut into batches epoch by epoch."""

    split: Split
    transform: Transform | None
    """What each image goes through when its batch is made; None for images that are ready."""
    size: int
    """Images per batch."""
    seed: int
    shuffled: bool
    """Whether the order changes from epoch to epoch, as in training, or is the split's own."""
    workers: int | None = 0
    """Processes that make batches; 0 makes them in this one, None chooses."""
    share: Share = WHOLE

    def __len__(self) -> int:
        """Samples of an epoch."""
        return len(self.split)

    @property
    def starts(self) -> Sequence[int]:
        """Where batches begin in the order."""
        return batch_starts(len(self.split), self.size)

    def shared(self, share: Share) -> Batches:
        return replace(self, share=share)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1, from the first one wanted on.

        Raises:
            Faults: an image is damaged; exit code 3.
        """
        order = (
            order_of(number, len(self.split), self.seed) if self.shuffled else torch.arange(len(self.split))
        )
        groups = cut_order(order, self.size, first, self.share)
        workers = min(MOST_WORKERS, os.cpu_count() or 1) if self.workers is None else self.workers
        if self.transform is None and isinstance(self.split.images, HeldImages):
            for group in groups:
                yield self.split.images.values[group], self.split.labels[group]
        elif workers == 0:
            for group in groups:
                yield _collated([self.sample(number, int(index)) for index in group]) or self._none(number)
        else:
            yield from self._by_workers(number, groups, workers)

    def sample(self, epoch: int, index: int) -> tuple[torch.Tensor, int]:
        """An image as it appears in an epoch, with its label.

        Raises:
            Faults: it is damaged; exit code 3.
        """
        image = self.split.images[index]
        if self.transform is not None:
            reseed_sample(self.seed, epoch, index)
            image = self.transform(image)
        return image, int(self.split.labels[index])

    def _none(self, epoch: int) -> Batch:
        """The batch of a share without samples."""
        return self.sample(epoch, 0)[0][None][:0], self.split.labels[:0]

    def _by_workers(self, epoch: int, groups: Sequence[torch.Tensor], workers: int) -> Iterator[Batch]:
        loader: DataLoader[Any] = DataLoader(
            _Samples(self, epoch),
            batch_sampler=[group.tolist() for group in groups if len(group)],
            num_workers=workers,
            collate_fn=_collated_or_damaged,
        )
        try:
            made = iter(loader)
            for group in groups:
                batch = next(made) if len(group) else self._none(epoch)
                if not isinstance(batch, tuple):
                    raise Faults(batch, exit_code=3)
                yield batch
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            message = "a process that reads images was ended from outside"
            help = "the machine may be short of memory: use fewer, such as `workers: 1`"
            raise fault("worker-ended", message, exit_code=4, help=help) from None


class _Samples(Dataset[Any]):
    """The images of an epoch as torch's workers ask for them."""

    def __init__(self, batches: Batches, epoch: int) -> None:
        self.batches, self.epoch = batches, epoch

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int] | list[Diagnostic]:
        """An image with its label, or what is wrong with it: a worker's exceptions arrive without fields."""
        try:
            return self.batches.sample(self.epoch, index)
        except Faults as faults:
            return list(faults.diagnostics)


def _collated(samples: Sequence[tuple[torch.Tensor, int]]) -> Batch | None:
    if not samples:
        return None
    return torch.stack([image for image, _ in samples]), torch.tensor([label for _, label in samples])


def _collated_or_damaged(samples: Sequence[Any]) -> Batch | list[Diagnostic] | None:
    damaged = [diagnostic for sample in samples if isinstance(sample, list) for diagnostic in sample]
    return damaged or _collated(samples)
