"""An array of numbers from MATLAB's files, which hold many things: sizes are judged before anything is read.

SciPy reads files of MATLAB 5 to 7.2, h5py those of 7.3, which are HDF5; neither executes what a file holds.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat

Array = np.ndarray[Any, Any]

HEAD = b"MATLAB 7.3"
NUMERIC = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
"""MATLAB's classes of numbers."""


class MatlabError(Exception):
    """A file that does not hold what is wanted; the text says why."""


def read_matlab(path: Path, axes: int, most: int) -> Array:
    """The one array of numbers with so many axes in a file.

    Args:
        path: the file.
        axes: how many the array has.
        most: values that it may have.

    Raises:
        MatlabError: there is none, or several, or it is too large, or the file is damaged.
    """
    try:
        with path.open("rb") as file:
            is_hdf5 = file.read(len(HEAD)) == HEAD
        shapes = (_shapes_of_hdf5 if is_hdf5 else _shapes)(path)
        name = _only(shapes, axes, most)
        array = (_read_hdf5 if is_hdf5 else _read)(path, name)
    except MatlabError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files make SciPy and h5py raise a dozen kinds
        raise MatlabError(" ".join(str(error).split()) or type(error).__name__) from None
    if array.ndim != axes or array.dtype.kind not in "uif":
        raise MatlabError(f"`{name}` is no array of numbers with {axes} axes")
    return array


def _only(shapes: Mapping[str, tuple[int, ...]], axes: int, most: int) -> str:
    fitting = [name for name, shape in shapes.items() if len(shape) == axes]
    if len(fitting) != 1:
        raise MatlabError(f"it has {len(fitting)} arrays of numbers with {axes} axes, not one")
    size = int(np.prod(shapes[fitting[0]], dtype=object))
    if not 0 < size <= most:
        raise MatlabError(f"its array has {size:,} values")
    return fitting[0]


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape, kind in whosmat(path) if kind in NUMERIC}


def _read(path: Path, name: str) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of variables that are not asked for
        array: Array = np.asarray(loadmat(path, variable_names=[name])[name])
    return array


def _shapes_of_hdf5(path: Path) -> dict[str, tuple[int, ...]]:
    """Of the arrays that lie in the file itself: a link may point anywhere on the machine."""
    import h5py  # a fifth of a second, for those who have such files

    found = {}
    with h5py.File(path, "r") as file:
        for name in file:
            if isinstance(file.get(name, getlink=True), h5py.HardLink):
                item = file[name]
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "uif":
                    if item.is_virtual or item.external:
                        raise MatlabError(f"`{name}` lies in another file")
                    found[name] = tuple(item.shape[::-1])
    return found


def _read_hdf5(path: Path, name: str) -> Array:
    """An array as MATLAB shows it: in the file its axes stand in reverse."""
    import h5py

    with h5py.File(path, "r") as file:
        array: Array = np.asarray(file[name][()]).T
    return array
