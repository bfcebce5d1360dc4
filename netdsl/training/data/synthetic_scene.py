"""A synthetic hyperspectral scene, for trying things out where no real one is at hand.

Fields of 16 classes side by side; each class has a smooth spectrum, not far from its neighbours', and each
pixel its own light, a share of the pixels around it, and noise. It is written in the format of the published
scenes.
What is measured on it says nothing of real scenes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat
from scipy.ndimage import gaussian_filter

from netdsl.diagnostics import fault
from netdsl.training.data.scene import Scene, read_scene

SIZE, BANDS, CLASSES = 64, 60, 16
FIELDS = 3 * CLASSES
SEED = 20
CUBE, TRUTH = "synthetic_scene.mat", "synthetic_scene_gt.mat"
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
    scene = read_scene("synthetic_scene", folder / CUBE, folder / TRUTH)
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


def _scene(random: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A cube `(SIZE, SIZE, BANDS)` of 16-bit numbers, and its classes from 1; 0 along the fields' borders."""
    centres = random.uniform(0, SIZE, (FIELDS, 2))
    rows, columns = np.indices((SIZE, SIZE))
    places = np.stack([rows, columns], axis=-1)[:, :, None, :]
    distances = np.sort(np.linalg.norm(places - centres, axis=-1), axis=-1)
    field = np.linalg.norm(places - centres, axis=-1).argmin(axis=-1)
    classes = random.permutation(np.arange(FIELDS) % CLASSES)[field]
    spectra = gaussian_filter(random.normal(size=(CLASSES, BANDS)), (0, 6), mode="nearest")
    spectra = 3 + 1.2 * spectra / spectra.std() * 0.25
    mixed = gaussian_filter(spectra[classes], (0.7, 0.7, 0))
    light = 1 + 0.15 * gaussian_filter(random.normal(size=(SIZE, SIZE, 1)), (4, 4, 0)) * 8
    cube = mixed * light + random.normal(scale=0.12, size=(SIZE, SIZE, BANDS))
    truth = np.where(distances[..., 1] - distances[..., 0] < 1, 0, classes + 1)
    return np.clip(cube * 1000, 0, 65535).astype(np.uint16), truth.astype(np.uint8)
