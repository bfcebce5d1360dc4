"""Hyperspectral scenes: a cube of bands and a map of classes, in MATLAB's files as they are published.

    indian_pines/Indian_pines_corrected.mat   a numeric array (rows, columns, bands)
    indian_pines/Indian_pines_gt.mat          whole numbers (rows, columns); 0 where no class is known

Files of MATLAB 5 to 7.2 and of 7.3 are told apart by their heads; see `matlab`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from netdsl.diagnostics import Faults, fault
from netdsl.training.data.dataset import fingerprint_of
from netdsl.training.data.matlab import Array, MatlabError, read_matlab

TRUTH_ENDING = "_gt.mat"
LARGEST_CUBE = 2**31
"""Values of a cube; larger ones are no scene that is published."""
MOST_CLASSES = 1000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """A scene, read."""

    name: str
    """As the recipe names it."""
    classes: tuple[str, ...]
    cube: torch.Tensor
    """Values, `(rows, columns, bands)`."""
    truth: torch.Tensor
    """The number of each pixel's class, counted from 0, `(rows, columns)`; −1 where none is known."""
    fingerprint: str
    remark: str | None = None
    """What has to be known of the scene to judge figures by it."""


@dataclass(frozen=True, slots=True)
class Files:
    """A published scene."""

    cube: str
    truth: str
    classes: tuple[str, ...]


FILES: Mapping[str, Files] = {
    "indian_pines": Files(
        "Indian_pines_corrected.mat",
        "Indian_pines_gt.mat",
        (
            "alfalfa", "corn, no till", "corn, minimal till", "corn", "grass and pasture", "grass and trees",
            "mown pasture", "hay in windrows", "oats", "soybean, no till", "soybean, minimal till",
            "soybean, clean", "wheat", "woods", "buildings, grass, trees, drives", "stone and steel towers",
        ),
    ),
    "pavia_university": Files(
        "PaviaU.mat",
        "PaviaU_gt.mat",
        (
            "asphalt", "meadows", "gravel", "trees", "painted metal sheets", "bare soil", "bitumen",
            "self-blocking bricks", "shadows",
        ),
    ),
    "salinas": Files(
        "Salinas_corrected.mat",
        "Salinas_gt.mat",
        (
            "broccoli, green weeds 1", "broccoli, green weeds 2", "fallow", "fallow, rough plough",
            "fallow, smooth", "stubble", "celery", "grapes, untrained", "soil, vineyard, developing",
            "corn, senesced green weeds", "romaine lettuce, 4 weeks", "romaine lettuce, 5 weeks",
            "romaine lettuce, 6 weeks", "romaine lettuce, 7 weeks", "vineyard, untrained",
            "vineyard, vertical trellis",
        ),
    ),
}  # fmt: skip


def read_published_scene(name: str, folder: Path) -> Scene:
    """One of the published scenes.

    Raises:
        Faults: a file is missing, damaged or not what was published; exit code 3.
    """
    files = FILES[name]
    scene = read_scene(name, folder / files.cube, folder / files.truth, files.classes)
    if len(scene.classes) != len(files.classes):
        path = folder / files.truth
        raise _damaged(path, f"it has {len(scene.classes)} classes, `{name}` has {len(files.classes)}")
    return scene


def read_scene_folder(name: str, folder: Path) -> Scene:
    """A scene of the user's own: a folder with `NAME.mat` and `NAME_gt.mat`.

    Raises:
        Faults: there are others, or they are damaged; exit code 3.
    """
    if not folder.is_dir():
        raise fault("missing-data", f"there is no folder `{folder}`", exit_code=3)
    paths = sorted(folder.glob("*.mat"))
    truths = [path for path in paths if path.name.endswith(TRUTH_ENDING)]
    cubes = [path for path in paths if path not in truths]
    if len(truths) != 1 or len(cubes) != 1:
        message = f"`{folder}` has {len(cubes)} cubes and {len(truths)} maps of classes"
        help = "keep one scene in a folder: `scene.mat`, the cube, and `scene_gt.mat`, the classes"
        raise fault("data-layout", message, exit_code=3, help=help)
    return read_scene(name, cubes[0], truths[0])


def read_scene(name: str, cube_path: Path, truth_path: Path, names: tuple[str, ...] = ()) -> Scene:
    """A scene from its two files; without names its classes are numbered.

    Raises:
        Faults: a file is missing or damaged; exit code 3.
    """
    cube, truth = _array(cube_path, 3), _array(truth_path, 2)
    if cube.shape[:2] != truth.shape:
        shapes = f"{'×'.join(map(str, truth.shape))}, the cube {'×'.join(map(str, cube.shape[:2]))}"
        raise _damaged(truth_path, f"it is {shapes}")
    if not np.isfinite(cube).all():
        raise _damaged(cube_path, "it has values that are no numbers")
    if not np.isfinite(truth).all() or (truth != np.rint(truth)).any() or truth.min() < 0:
        raise _damaged(truth_path, "its values are not the numbers of classes, with 0 for none")
    count = int(truth.max())
    if not 2 <= count <= MOST_CLASSES:
        raise _damaged(truth_path, f"it has {count} classes")
    values = torch.from_numpy(np.ascontiguousarray(cube, dtype=np.float32))
    labels = torch.from_numpy(np.ascontiguousarray(truth, dtype=np.int64)) - 1
    classes = names if len(names) == count else tuple(f"class {number}" for number in range(1, count + 1))
    return Scene(
        name=name, classes=classes, cube=values, truth=labels, fingerprint=fingerprint_of(values, labels)
    )


def _array(path: Path, axes: int) -> Array:
    """The one array of numbers with so many axes in a file.

    Raises:
        Faults: there is none, or several; exit code 3.
    """
    if not path.is_file():
        raise fault("missing-data", f"there is no file `{path}`", exit_code=3)
    try:
        return read_matlab(path, axes, LARGEST_CUBE)
    except MatlabError as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, reason: str) -> Faults:
    help = "restore the file as it was published"
    return fault("damaged-data", f"`{path}` is no part of a scene: {reason}", exit_code=3, help=help)
