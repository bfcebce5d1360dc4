"""Images that took long to decode, kept on the disk as they came out: sized, as bytes.

A file is called KEY-DIGEST.npy. The key follows from the content of every image file and from what was done
to the images, so that other files, another size or another decoder have another; the digest is that of the
bytes. What is not as its name says is not used, and whatever is here may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision

Say = Callable[[str], None]

FOLDER = "decoded"
"""Below the root of all data."""
HEAD_BYTES = 4096
"""More than numpy writes before an array."""


def key_of(paths: Sequence[Path], made: str) -> str | None:
    """The key of images made of files in this order, or None where one cannot be read: whoever decodes it
    says so.

    Args:
        paths: the files.
        made: what is done to their images, in words.
    """
    digest = hashlib.sha256(f"{made}\0{PIL.__version__}\0{torchvision.__version__}".encode())
    try:
        for path in paths:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        return None
    return digest.hexdigest()[:32]


def kept_images(folder: Path, key: str, shape: tuple[int, ...], say: Say) -> torch.Tensor | None:
    """The images that were kept under a key, or None where there are none to be trusted.

    Args:
        folder: where they are kept.
        key: theirs.
        shape: `(images, channels, height, width)`.
        say: told what is used, and what is damaged.
    """
    for path in sorted(folder.glob(f"{key}-*.npy")) if folder.is_dir() else ():
        values = _read(path, shape)
        if values is not None and path.stem == f"{key}-{_digest(values)}":
            say(f"{shape[0]:,} images, decoded before, are taken from `{path}`")
            return torch.from_numpy(values)
        say(f"`{path}` is damaged: its images are decoded anew")
        with suppress(OSError):
            path.unlink()
    return None


def keep_images(folder: Path, key: str, images: torch.Tensor, say: Say) -> None:
    """Keeps images under a key; where they cannot be written it is said, and nothing is lost but time.

    Args:
        folder: where; made if need be.
        key: theirs.
        images: bytes, `(images, channels, height, width)`.
        say: told where they are, or why not.
    """
    values = images.numpy()
    path = folder / f"{key}-{_digest(values)}.npy"
    partial = folder / f".{key}-{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, values, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        say(f"decoded images are not kept in `{folder}`: {(error.strerror or str(error)).lower()}")
    else:
        say(f"decoded images are kept in `{path}`, {values.nbytes / 1e6:,.1f} MB; it may be deleted")


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """The array of a file, or None where it is not of this shape."""
    expected = int(np.prod(shape))
    try:
        if not expected < path.stat().st_size <= expected + HEAD_BYTES:
            return None  # told before numpy believes what the head says
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError):
        return None
    right = isinstance(values, np.ndarray) and values.dtype == np.uint8 and values.shape == shape
    return values if right and values.flags.c_contiguous else None


def _digest(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    return hashlib.sha256(values.data).hexdigest()[:32]
