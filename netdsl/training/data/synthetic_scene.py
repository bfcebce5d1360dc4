"""A synthetic hyperspectral scene, for trying things out where no real one is at hand.

Fields lie side by side, several of each class. Four pairs of materials are laid out in four patterns, as a
crop and its soil are in narrow rows, in broad ones, in an orchard or at random; that makes 16 classes. All
patterns have as much of the one material as of the other, so a pixel alone tells the pair and never the
pattern: without its surroundings about one class of four is right, whatever the classifier. Each pixel has
its own light and noise. It is written in the format of the published scenes. What is measured on it says
nothing of real ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat
from scipy.ndimage import gaussian_filter

from netdsl.diagnostics import fault
from netdsl.training.data.scene import Scene, read_scene

SIZE, BANDS = 145, 60
"""The rows and columns of Indian Pines, with fewer bands."""
PAIRS = ("wheat and soil", "maize and soil", "vines and grass", "olives and grass")
PATTERNS = ("narrow rows", "broad rows", "squares", "at random")
NAMES = tuple(f"{pair}, {pattern}" for pair in PAIRS for pattern in PATTERNS)
GRID = (8, 12)
"""Fields along rows and columns: six of each class."""
SEED = 20
CUBE, TRUTH = "synthetic_fields.mat", "synthetic_fields_gt.mat"
Array = np.ndarray[Any, Any]
REMARK = (
    "THE SCENE IS SYNTHETIC: made by a generator, not by a camera; figures on it say nothing of real scenes"
)


def read_synthetic_scene(folder: Path) -> Scene:
    """The scene below a folder, written there if it is not yet.

    Raises:
        Faults: it cannot be written, or was damaged since; exit code 3.
    """
    if not (folder / CUBE).is_file() or not (folder / TRUTH).is_file():
        write_synthetic_scene(folder)
    scene = read_scene("synthetic_scene", folder / CUBE, folder / TRUTH, NAMES)
    return Scene(
        name=scene.name,
        classes=scene.classes,
        cube=scene.cube,
        truth=scene.truth,
        fingerprint=scene.fingerprint,
        remark=REMARK,
    )


def write_synthetic_scene(folder: Path) -> None:
    """Writes the cube and the map of classes, as MATLAB 5 files.

    Raises:
        Faults: they cannot be written; exit code 3.
    """
    cube, truth = _scene(np.random.default_rng(SEED))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        savemat(folder / CUBE, {"synthetic_scene": cube}, do_compression=True)
        savemat(folder / TRUTH, {"synthetic_scene_gt": truth}, do_compression=True)
    except OSError as error:
        message = f"the synthetic scene cannot be written into `{folder}`: {error.strerror or error}"
        raise fault("missing-data", message, exit_code=3, help="name another root: `--data-root`") from None


def _scene(random: np.random.Generator) -> tuple[Array, Array]:
    """A cube `(SIZE, SIZE, BANDS)` of 16-bit numbers, and its classes from 1; 0 along the fields' borders."""
    field, is_border = _fields(random)
    classes = random.permutation(np.arange(GRID[0] * GRID[1]) % len(NAMES))
    pair, pattern = np.divmod(classes, len(PATTERNS))
    is_second = np.zeros((SIZE, SIZE), bool)
    for number in range(len(classes)):
        laid_out = _pattern(PATTERNS[pattern[number]], random)
        is_second[field == number] = laid_out[field == number]
    spectra = gaussian_filter(random.normal(size=(2 * len(PAIRS), BANDS)), (0, 4), mode="nearest")
    spectra = 3 + 0.4 * spectra / spectra.std()
    light = 1 + 0.6 * gaussian_filter(random.normal(size=(SIZE, SIZE, 1)), (4, 4, 0))
    cube = spectra[2 * pair[field] + is_second] * light + random.normal(scale=0.2, size=(SIZE, SIZE, BANDS))
    truth = np.where(is_border, 0, classes[field] + 1)
    return np.clip(cube * 1000, 0, 65535).astype(np.uint16), truth.astype(np.uint8)


def _fields(random: np.random.Generator) -> tuple[Array, Array]:
    """The number of the field that each pixel is in, the one whose centre is nearest, and where two meet."""
    corners = np.moveaxis(np.indices(GRID), 0, -1).reshape(-1, 2)
    centres = (corners + random.uniform(0.2, 0.8, corners.shape)) * SIZE / np.array(GRID)
    places = np.moveaxis(np.indices((SIZE, SIZE)), 0, -1)[:, :, None, :]
    distances = np.linalg.norm(places - centres, axis=-1)
    first, second = np.moveaxis(np.partition(distances, 1, axis=-1)[..., :2], -1, 0)
    return distances.argmin(axis=-1), second - first < 1


def _pattern(name: str, random: np.random.Generator) -> Array:
    """Where the second of two materials lies, on half of the pixels; turned and shifted by chance."""
    across, along = random.permutation(np.indices((SIZE, SIZE))) + random.integers(0, 6, 2)[:, None, None]
    if name == "narrow rows":
        return np.asarray(across % 2 == 1)
    if name == "broad rows":
        return np.asarray(across // 3 % 2 == 1)
    if name == "squares":
        return np.asarray((across // 2 + along // 2) % 2 == 1)
    return random.random((SIZE, SIZE)) < 0.5
