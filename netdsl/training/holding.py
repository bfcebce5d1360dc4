"""A split that fits into memory → all its images there, sized, as bytes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from netdsl.diagnostics import Diagnostic, Faults
from netdsl.training.damage import MOST_REFUSED, Damaged
from netdsl.training.data.dataset import HeldImages, HeldSplit, ImageFiles, Split
from netdsl.training.data.kept import keep_images, kept_images, key_of
from netdsl.training.transforms import ImageShape, Transform

HELD_BYTES = 2 * 2**30
"""The largest split that is kept in memory, sized and as bytes; at most a quarter of what the machine has."""
SIZED_AT_ONCE = 4096
"""Images that are resized in one go."""
MOST_READERS = 8


def hold(
    split: Split,
    size: Transform,
    shape: ImageShape,
    say: Callable[[str], None],
    damaged: Damaged,
    made: str | None = None,
) -> HeldSplit | None:
    """The split with all its images sized and in memory; None where they are too many.

    Args:
        split: the images.
        size: what each goes through.
        shape: what that gives.
        say: told what takes long.
        damaged: takes note of images that cannot be read.
        made: what `size` does, in words, for images that are kept on the disk; None keeps none.

    Raises:
        Faults: images are damaged, and refused, or all are; exit code 3.
    """
    if len(split) * math.prod(shape) > memory_for_images():
        return None
    if isinstance(split.images, ImageFiles):
        return _decoded(split, split.images, size, shape, say, damaged, made)
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


def _decoded(
    split: Split,
    files: ImageFiles,
    size: Transform,
    shape: ImageShape,
    say: Callable[[str], None],
    damaged: Damaged,
    made: str | None,
) -> HeldSplit:
    """The images of files, from the disk where they were kept, else decoded and kept."""
    key = (
        None
        if made is None or files.kept is None
        else key_of(files.paths, f"{made} at least {files.smallest}")
    )
    if key is not None and files.kept is not None:
        known = kept_images(files.kept, key, (len(split), *shape), say)
        if known is not None:
            return HeldSplit(HeldImages(known), split.labels)
    say(f"reading {len(split):,} images")
    values = torch.empty(len(split), *shape, dtype=torch.uint8)
    missing = _fill(values, files, size, damaged)
    if missing:
        sound = torch.tensor([number for number in range(len(split)) if number not in missing])
        return HeldSplit(HeldImages(values[sound]), split.labels[sound])
    if key is not None and files.kept is not None:
        keep_images(files.kept, key, values, say)
    return HeldSplit(HeldImages(values), split.labels)


def _fill(values: torch.Tensor, files: ImageFiles, size: Transform, damaged: Damaged) -> set[int]:
    """Decodes files into their places; the numbers of those that cannot be read, unless they are refused."""
    found: dict[int, tuple[Diagnostic, ...]] = {}

    def read(number: int) -> None:
        if damaged.skips or len(found) < MOST_REFUSED:
            try:
                values[number] = size(files[number])
            except Faults as faults:
                if faults.exit_code != 3:
                    raise
                found[number] = tuple(faults.diagnostics)

    with ThreadPoolExecutor(min(MOST_READERS, os.cpu_count() or 1)) as pool:
        list(pool.map(read, range(len(files))))
    diagnostics = [diagnostic for number in sorted(found) for diagnostic in found[number]]
    if len(found) == len(files):
        raise Faults(diagnostics[:MOST_REFUSED], exit_code=3)
    damaged.add(diagnostics)
    return set(found)
