"""Names of data sets → the first of them that is there or can be fetched, and why not the others.

What lies on disk is read by the modules beside this one; torchvision fetches, since it knows the addresses
and the digests of the published files.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netdsl.diagnostics import Faults, fault
from netdsl.training.catalog.data import FEATURES, FOLDER, SCENE
from netdsl.training.data.cifar import FILES, cifar_is_present, read_cifar
from netdsl.training.data.dataset import DataSet
from netdsl.training.data.digits import read_digits
from netdsl.training.data.folder import read_folder
from netdsl.training.data.ichallenge_pm import read_ichallenge_pm
from netdsl.training.data.idx import FOLDERS, idx_is_present, read_idx_set
from netdsl.training.data.kept import FOLDER as KEPT
from netdsl.training.data.pairs import Pairs, read_pairs
from netdsl.training.data.photographs import read_photographs
from netdsl.training.data.scene import FILES as SCENES
from netdsl.training.data.scene import Scene, read_published_scene, read_scene_folder
from netdsl.training.data.synthetic_pairs import make_synthetic_pairs
from netdsl.training.data.synthetic_scene import read_synthetic_scene

REACH_SECONDS = 5
"""How long a server may take to answer at all, before it counts as out of reach."""
STALL_SECONDS = 30
"""How long a transfer may stand still."""

ROOT_VARIABLE = "NETDSL_DATA"
OWN_FOLDERS: dict[str, str] = {
    "imagenet": "its `train/CLASS/…` and `val/CLASS/…`",
    "ichallenge_pm": "`PALM-Training400`, `PALM-Validation400` and `labels.csv`",
}
OWN_FOLDERS |= {name: f"`{files.cube}` and `{files.truth}`" for name, files in SCENES.items()}
"""Data sets that are not fetched, each in a folder of its name: what belongs there."""
SIZES = {"mnist": "12 MB", "fashion_mnist": "30 MB", "cifar10": "170 MB", "cifar100": "169 MB"}
"""What a download takes."""
PROBES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar.html",
    "cifar100": "https://www.cs.toronto.edu/~kriz/cifar.html",
}
"""Small things on the servers that torchvision fetches from, to see whether they can be reached."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The data set that is used."""

    data: DataSet | Scene | Pairs
    passed_over: tuple[str, ...]
    """For each data set named before it, why it is not used."""


def data_root(given: str | Path | None) -> Path:
    """The folder that data sets are kept in: as given, else `NETDSL_DATA`, else below the user's cache."""
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get(ROOT_VARIABLE):
        return Path(os.environ[ROOT_VARIABLE]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "netdsl" / "data"


def find_data(
    names: Sequence[str],
    root: Path,
    say: Callable[[str], None],
    *,
    fetch: bool = True,
    labelled: bool = True,
) -> Found:
    """The first data set that is there or can be fetched.

    Args:
        names: data sets of the catalogue, or `folder:PATH`; the first is the one wanted.
        root: the folder that data sets are kept in.
        say: told what takes long.
        fetch: whether the network may be used.
        labelled: whether a folder of images has to say their classes.

    Raises:
        Faults: none is available, or the first one present is damaged; exit code 3.
    """
    passed_over: list[str] = []
    for name in names:
        if not is_present(name, root):
            reason = _fetch(name, root, say) if fetch else f"`{name}` is not in `{root}`"
            if reason is not None:
                passed_over.append(reason)
                continue
        return Found(_read(name, root, labelled), tuple(passed_over))
    raise _missing(names, root, passed_over)


def is_present(name: str, root: Path) -> bool:
    """Whether a data set can be read without the network; a folder named by its path counts as there."""
    if name in FOLDERS:
        return idx_is_present(name, root)
    if name in FILES:
        return cifar_is_present(name, root)
    return name not in OWN_FOLDERS or (root / name).is_dir()


def _read(name: str, root: Path, labelled: bool) -> DataSet | Scene | Pairs:
    kept = root / KEPT
    if name.startswith(FEATURES):
        return read_pairs(name, Path(name.removeprefix(FEATURES)).expanduser())
    if name == "synthetic_pairs":
        return make_synthetic_pairs()
    if name.startswith(SCENE):
        return read_scene_folder(name, Path(name.removeprefix(SCENE)).expanduser())
    if name in SCENES:
        return read_published_scene(name, root / name)
    if name == "synthetic_scene":
        return read_synthetic_scene(root / name)
    if name.startswith(FOLDER):
        return read_folder(name, Path(name.removeprefix(FOLDER)).expanduser(), labelled, kept)
    if name in FOLDERS:
        return read_idx_set(name, root)
    if name in FILES:
        return read_cifar(name, root)
    if name == "ichallenge_pm":
        return read_ichallenge_pm(root / name, kept)
    if name == "photographs":
        return read_photographs()
    return read_digits() if name == "digits" else read_folder(name, root / name, labelled, kept)


def _missing(names: Sequence[str], root: Path, reasons: Sequence[str]) -> Faults:
    name = names[0]
    if name in OWN_FOLDERS:
        help = (
            f"it cannot be fetched freely: put {OWN_FOLDERS[name]} into `{root / name}` (`--data-root` or "
            f"{ROOT_VARIABLE} name another root)"
        )
    else:
        folder = FOLDERS[name] if name in FOLDERS else FILES[name].folder
        help = (
            f"connect to the network, or put its files into `{root / folder}` (`--data-root` or "
            f"{ROOT_VARIABLE} name another root), or train on the embedded digits with `--data digits`"
        )
    return fault("missing-data", "; ".join(reasons), exit_code=3, help=help)


# Fetching


def _fetch(name: str, root: Path, say: Callable[[str], None]) -> str | None:
    """Fetches a data set; why it could not be, or None."""
    if name not in PROBES:
        return f"`{name}` is not in `{root}`"
    unreachable = _why_unreachable(PROBES[name])
    if unreachable is not None:
        return f"`{name}` is not in `{root}`, and cannot be fetched: {unreachable}"
    say(f"fetching {name} ({SIZES[name]}) into {root}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _impatient(STALL_SECONDS), contextlib.redirect_stdout(sys.stderr):
            _download(name, root)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException) as error:
        return f"`{name}` cannot be fetched into `{root}`: {error}"
    return None


def _why_unreachable(address: str) -> str | None:
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "netdsl"})  # noqa: S310 - from PROBES
    try:
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()  # noqa: S310
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error))
    return None


@contextlib.contextmanager
def _impatient(seconds: float) -> Iterator[None]:
    """Lets connections time out, which torchvision's own code leaves open."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _download(name: str, root: Path) -> None:
    from torchvision import datasets  # half a second, for those who fetch

    kinds = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
    }
    kinds[name](root=str(root), download=True)
