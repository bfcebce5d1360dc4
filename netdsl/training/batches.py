"""Images → batches of bytes: from memory where they fit, by worker processes where they do not.

An epoch is a pure function of (seed, epoch): see `seeds`. Batches are `(batch, channels, height, width)`
bytes and `(batch,)` labels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Protocol, Self, final

import torch

from netdsl.diagnostics import Diagnostic, Faults
from netdsl.training.augment.mixing import Mixing
from netdsl.training.damage import Damaged
from netdsl.training.data.dataset import HeldImages, HeldSplit, ImageFiles, Split
from netdsl.training.seeds import MIX, Chance, order_of
from netdsl.training.transforms import Transform
from netdsl.training.workers import Begin, made_by_workers

Batch = tuple[torch.Tensor, torch.Tensor]
"""Inputs and targets, `(batch, …)` each."""
Inputs = torch.Tensor | tuple[torch.Tensor, ...]
"""What a network takes, `(batch, …)`; of one with several inputs, those in its own order."""
AnyBatch = tuple[Inputs, torch.Tensor]
"""A batch for whatever network."""
Augment = Callable[[torch.Tensor, Chance], torch.Tensor]
"""Images `(N, channels, height, width)` and what their samples draw from → images."""

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every batch that one of several processes makes; whole batches do not depend on it."""

    rank: int = 0
    """The process' number, from 0."""
    ranks: int = 1
    """How many there are."""
    size: int = 1
    """Samples of a full batch."""
    pieces: int = 1
    """What a full batch is cut into before it is shared; a smaller one into fewer, none larger than those."""

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """A stretch of each piece of a batch; those of all ranks in turn are the piece. Lengths differ by one
        at most, so that a piece of fewer samples than ranks leaves some without any."""
        return torch.cat([piece.tensor_split(self.ranks)[self.rank] for piece in self._cut(batch)])

    def sizes(self, count: int) -> list[int]:
        """How many samples of each piece are this process', of a batch of so many."""
        return [_lengths(piece, self.ranks)[self.rank] for piece in _lengths(count, self._cuts(count))]

    def sizes_of(self, made: int, count: int) -> list[int]:
        """The same where so many were made, fewer if some are damaged: the others fill as many pieces, as all
        processes have; one alone leaves out what is empty."""
        sizes = self.sizes(count)
        if made == sum(sizes):
            return sizes
        return [size for size in _lengths(made, len(sizes)) if size or self.ranks > 1]

    def _cut(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return batch.tensor_split(self._cuts(len(batch)))

    def _cuts(self, count: int) -> int:
        return min(self.pieces, math.ceil(count * self.pieces / self.size))


def _lengths(count: int, parts: int) -> list[int]:
    """The lengths of what `tensor_split` makes of so many."""
    return [count // parts + (part < count % parts) for part in range(parts)]


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

    def epoch(self, number: int, first: int = 0) -> Iterator[AnyBatch]:
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


def batch_starts(count: int, size: int) -> Sequence[int]:
    """Where batches of a size begin among so many samples. A last one that would be alone joins the batch
    before it, since a batch normalisation cannot learn from one."""
    starts = range(0, count, size)
    return starts[:-1] if len(starts) > 1 and count % size == 1 else starts


def batch_sizes(supply: Supply) -> list[int]:
    """How many samples each batch of an epoch has, all shares together."""
    return [end - start for start, end in pairwise([*supply.starts, len(supply)])]


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
    prepare: Transform | None
    """What each image goes through when it is read; None for images that are ready."""
    augment: Augment | None
    """What images go through by chance."""
    size: int
    """Images per batch."""
    seed: int
    shuffled: bool
    """Whether the order changes from epoch to epoch, as in training, or is the split's own."""
    workers: int | None = 0
    """Processes that make batches; 0 makes them in this one, None chooses."""
    share: Share = WHOLE
    mix: Mixing | None = None
    """How images are mixed after that; labels are then shares of all classes, `(batch, classes)`."""
    damaged: Damaged | None = None
    """Takes note of images that cannot be read; None refuses them."""
    pinned: bool = False
    """Whether processes put batches where a GPU fetches them by itself."""

    def __len__(self) -> int:
        """Samples of an epoch."""
        return len(self.split)

    @property
    def starts(self) -> Sequence[int]:
        """Where batches begin in the order."""
        return batch_starts(len(self.split), self.size)

    def shared(self, share: Share) -> Batches:
        return replace(self, share=share)

    def on(self, device: torch.device) -> Batches:
        """The same batches for a GPU: images in memory lie on it and are augmented there, others come to it
        from memory that it reads by itself."""
        if device.type != "cuda":
            return self
        if not self.is_held or not isinstance(self.split.images, HeldImages):
            return replace(self, pinned=True)
        values = self.split.images.values.to(device)
        return replace(self, split=HeldSplit(HeldImages(values), self.split.labels))

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
        if workers and not self.is_held:
            yield from self._by_workers(number, groups, workers)
        else:
            for group in groups:
                yield self.batch(number, group)

    def try_out(self) -> None:
        """Makes an image as it appears in training: what is wrong with the recipe shows already.

        Raises:
            Faults: it does not go together with the images (1), or the first is damaged (3).
        """
        self.batch(1, torch.zeros(1, dtype=torch.int64))

    @property
    def is_held(self) -> bool:
        """Whether images are in memory as they are wanted."""
        return self.prepare is None and isinstance(self.split.images, HeldImages)

    def batch(self, epoch: int, samples: torch.Tensor) -> Batch:
        """Images as they appear in an epoch, with their labels.

        Args:
            epoch: its number.
            samples: the images' numbers, `(N,)`.

        Raises:
            Faults: one is damaged; exit code 3.
        """
        return self._judged(*self._make(epoch, samples))

    def _make(
        self, epoch: int, samples: torch.Tensor, begin: Begin = lambda _: None
    ) -> tuple[Batch, list[Diagnostic]]:
        """A batch, and what is wrong with the images that it lacks."""
        images, present, found = self._seen(epoch, samples, begin)
        labels = self.split.labels[samples[present]]
        if self.mix is None or not len(present):
            return (images, labels), found
        numbers = samples[present]

        def others(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            """Other images; one that is damaged gives way to the image itself."""
            theirs, there, damaged = self._seen(epoch, chosen, begin)
            found.extend(damaged)
            if not damaged:
                return theirs, self.split.labels[chosen]
            filled = images.clone()
            filled[there] = theirs
            return filled, self.split.labels[numbers.index_copy(0, there, chosen[there])]

        chance = Chance(self.seed, epoch, numbers, MIX)
        return self.mix(images, labels, others, len(self.split), chance), found

    def _seen(
        self, epoch: int, samples: torch.Tensor, begin: Begin
    ) -> tuple[torch.Tensor, torch.Tensor, list[Diagnostic]]:
        """Images as they appear in an epoch, those that can be read; their places among the samples; and what
        is wrong with the others."""
        if self.prepare is None and isinstance(self.split.images, HeldImages):
            images = self.split.images.values[samples]
            return self._augmented(images, epoch, samples), torch.arange(len(samples)), []
        read: dict[int, torch.Tensor] = {}
        found: list[Diagnostic] = []
        for place, index in enumerate(samples.tolist()):
            begin(index)
            try:
                read[place] = self._read(index)
            except Faults as faults:
                if faults.exit_code != 3:
                    raise
                found += faults.diagnostics
        present = torch.tensor(list(read), dtype=torch.int64)
        if found and not read:
            return torch.empty(0), present, found
        if not read:  # the share of a process that has none of a small batch
            images, _, found = self._seen(epoch, torch.zeros(1, dtype=torch.int64), begin)
            return images[:0], present, found
        return self._augmented_each(list(read.values()), epoch, samples[present]), present, found

    def _judged(self, batch: Batch, found: Sequence[Diagnostic]) -> Batch:
        """The batch, where what is wrong with images is taken note of and something is left.

        Raises:
            Faults: damaged images are refused, or there are no others; exit code 3.
        """
        if found and (self.damaged is None or not len(batch[1])):
            raise Faults(found, exit_code=3)
        if self.damaged is not None:
            self.damaged.add(found)
        return batch

    def _augmented_each(self, images: list[torch.Tensor], epoch: int, samples: torch.Tensor) -> torch.Tensor:
        """Images of one size together, images of many one by one, which gives the same."""
        if len({image.shape for image in images}) == 1:
            return self._augmented(torch.stack(images), epoch, samples)
        each = [self._augmented(i[None], epoch, n[None]) for i, n in zip(images, samples, strict=True)]
        return torch.cat(each)

    def _read(self, index: int) -> torch.Tensor:
        image = self.split.images[index]
        return image if self.prepare is None else self.prepare(image)

    def _augmented(self, images: torch.Tensor, epoch: int, samples: torch.Tensor) -> torch.Tensor:
        return images if self.augment is None else self.augment(images, Chance(self.seed, epoch, samples))

    def _by_workers(self, epoch: int, groups: Sequence[torch.Tensor], workers: int) -> Iterator[Batch]:
        make = partial(replace(self, damaged=None)._make, epoch)
        for made, found in made_by_workers(make, groups, workers, self._name, pinned=self.pinned):
            yield self._judged(made, found)

    def _name(self, index: int) -> str:
        """What to call an image."""
        images = self.split.images
        return str(images.paths[index]) if isinstance(images, ImageFiles) else f"image {index}"
