"""One image file → bytes, with damage told by name.

Pillow decodes; whatever it raises on a broken file becomes the same diagnostic.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from netdsl.diagnostics import fault

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
"""The endings of files that are taken for images."""


def read_picture(path: Path, smallest: int | None = None) -> torch.Tensor:
    """The image of a file, turned as its camera noted: `(1 or 3, height, width)` from 0 to 255.

    Args:
        path: the file.
        smallest: the shorter side that is enough: a JPEG is decoded at a half, quarter or eighth of its size
            where that is not below, by leaving out frequencies. None decodes it whole.

    Raises:
        Faults: it cannot be read as an image; exit code 3.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; one too large to be honest is an error below
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                if smallest is not None:
                    file.draft(None, (smallest, smallest))
                picture = _eight_bits(ImageOps.exif_transpose(file))
    except FileNotFoundError:
        help = "give the path of a file, such as `photo.jpg`"
        raise fault("missing-image", f"there is no image `{path}`", exit_code=3, help=help) from None
    except IsADirectoryError:
        help = f"name the files in it, such as `{path}/*.jpg`"
        raise fault("missing-image", f"`{path}` is a folder, not an image", exit_code=3, help=help) from None
    except PermissionError:
        help = "change its permissions, or copy it"
        raise fault("damaged-image", f"the image `{path}` may not be read", exit_code=3, help=help) from None
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise a dozen kinds, struct.error and SyntaxError among them
        reason = " ".join(str(error).replace(str(path), "the file").split()) or type(error).__name__
        raise fault(
            "damaged-image",
            f"`{path}` cannot be read as an image: {reason}",
            exit_code=3,
            help="replace the file, or remove it",
        ) from None
    values = torch.from_numpy(np.array(picture))
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1).contiguous()


def _eight_bits(picture: Image.Image) -> Image.Image:
    """The image with one channel of luma or three of colour, eight bits each."""
    if picture.mode.startswith(("I", "F")):  # 16 bits and more, which Pillow would clip instead of scale
        values = np.asarray(picture, dtype=np.float64)
        highest = 65535 if picture.mode.startswith("I") else max(float(values.max(initial=0)), 1.0)
        return Image.fromarray(np.clip(values * (255 / highest), 0, 255).round().astype(np.uint8))
    if picture.mode in ("L", "1"):
        return picture.convert("L")
    return picture.convert("RGB")
