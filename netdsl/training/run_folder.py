"""A run is a folder, complete in itself: what was trained, how, on what, and what came of it.

spec.yaml model.py recipe.json run.json whitening.safetensors metrics.jsonl checkpoints/ curves.png
report.html report.md report.json
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath

import torch
import torchvision

from netdsl.diagnostics import Faults, fault
from netdsl.training.checkpoint import Position, positions
from netdsl.training.data.find import Found
from netdsl.training.durable import write_beside
from netdsl.training.fine_tuning import frozen_parameters
from netdsl.training.initial.record import RECORD
from netdsl.training.lock import LOCK, locked
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork
from netdsl.training.run import CHECKPOINTS, FACTS, METRICS, MODEL_SOURCE, RECIPE, RUNS, SPEC, Facts, Row, Run
from netdsl.training.setting import Setting
from netdsl.training.tasks.task import Task
from netdsl.training.whitening import WHITENING, Whitening, write_whitening
from netdsl.version import VERSION


def gather_facts(setting: Setting, found: Found, material: Material, task: Task) -> Facts:
    """The facts of a run that begins now.

    Args:
        setting: what is trained, how and where.
        found: the data.
        material: what of them it is trained on.
        task: what it is trained for.
    """
    network, placement, recipe = setting.network, setting.placement, setting.recipe
    data = found.data
    return Facts(
        network=network.name,
        settings=dict(network.settings),
        input=network.input,
        output=network.output,
        parameters=network.parameter_count,
        frozen=frozen_parameters(recipe.freeze, network.parts()) if network.parts else 0,
        macs=network.macs,
        data=data.name,
        passed_over=found.passed_over,
        fingerprint=data.fingerprint,
        classes=data.classes,
        samples=task.samples,
        metric=task.metric,
        train_samples=len(material.train),
        test_samples=len(material.test),
        validation_samples=len(material.validation) if material.validation else 0,
        remarks=material.remarks,
        mean=material.scaling.mean,
        std=material.scaling.std,
        whitening=material.scaling.whitening.digest if material.scaling.whitening else None,
        seed=recipe.seed,
        device=placement.name,
        precision=placement.precision,
        processes=setting.ranks.ranks,
        engine=setting.engine,
        versions={
            "netdsl": VERSION,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        command=tuple(sys.argv),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
    )


@contextmanager
def claimed_folder(out: str | Path | None, name: str) -> Iterator[Path]:
    """An empty folder for a run of this process alone, taken away again if the run does not come to begin.

    A folder in which one did not come to begin, since it was killed, is as good as empty.

    Raises:
        Faults: it cannot be made or written to, or holds something already; exit code 2.
    """
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    folder = Path(out) if out is not None else _unused(Path(RUNS) / f"{name}-{stamp}")
    existed = folder.exists()
    _check_free(folder)
    with opened_folder(folder):
        _check_free(folder)  # now that nobody else can take it
        try:
            yield folder
        finally:
            if not (folder / FACTS).exists():
                with suppress(OSError):
                    _clear(folder)
                    if not existed:
                        folder.rmdir()


@contextmanager
def opened_folder(folder: Path) -> Iterator[Path]:
    """A run's folder for this process alone, with a place for its checkpoints.

    Raises:
        Faults: another process trains there, or it cannot be written; exit code 2.
    """
    with ExitStack() as held:
        try:
            (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder))
        except OSError as error:
            raise unwritable(folder, error, begun=False) from None
        yield folder


def _check_free(folder: Path) -> None:
    """Raises:
    Faults: the folder holds something; exit code 2.
    """
    try:
        is_free = not folder.exists() or not any(folder.iterdir()) or _is_abandoned(folder)
    except OSError as error:
        raise unwritable(folder, error, begun=False) from None
    if not is_free:
        help = f"choose another, or go on with it: `--resume {folder}`"
        raise fault("run-folder-taken", f"the folder `{folder}` is not empty", help=help)


def _is_abandoned(folder: Path) -> bool:
    return (folder / LOCK).exists() and not (folder / FACTS).exists()


def _clear(folder: Path) -> None:
    """Takes away what a run writes before it begins."""
    for name in (SPEC, MODEL_SOURCE, RECIPE, RECORD, WHITENING, LOCK):
        (folder / name).unlink(missing_ok=True)
    (folder / CHECKPOINTS).rmdir()


def _unused(folder: Path) -> Path:
    number = 1
    candidate = folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def unwritable(folder: Path, error: OSError, *, begun: bool) -> Faults:
    """What is told where a run's folder cannot be written; exit code 5 once the run has begun, else 2."""
    message = f"the run's folder `{folder}` cannot be written: {(error.strerror or str(error)).lower()}"
    if not begun:
        return fault("run-folder-unwritable", message, help="choose another with `--out DIR`")
    return fault(
        "run-folder-unwritable", message, exit_code=5, help="make room, or mount it again"
    ).with_note(kept(folder))


def kept(folder: Path) -> str:
    """What a run's folder keeps of the training, and how to go on."""
    found = positions(folder / CHECKPOINTS)
    if not found:
        return f"`{folder}` keeps nothing of the training yet"
    what = f"the training up to {found[-1]}" if found[-1] > Position(0) else "what it began with"
    return f"`{folder}` keeps {what}: go on with `--resume {folder}`"


def write_beginning(
    run: Run,
    network: TrainableNetwork,
    record: Callable[[Path], None] | None = None,
    whitening: Whitening | None = None,
) -> None:
    """Writes what is known before the first epoch; what makes the folder a run's is the last.

    Args:
        run: the run that begins, or goes on.
        network: what it trains.
        record: writes down what weights it begins with.
        whitening: what a run that begins whitens images by; one that goes on has it.

    Raises:
        Faults: it cannot be written; exit code 2.
    """
    contents = dict(network.sources) | {MODEL_SOURCE: network.emitted, RECIPE: run.recipe.to_json()}
    contents[FACTS] = json.dumps(asdict(run.facts), indent=2)
    try:
        if record is not None:
            record(run.folder)
        if whitening is not None:
            write_whitening(run.folder, whitening)
        for name, text in contents.items():
            path = _below(run.folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_beside(path, text.encode())
    except OSError as error:
        raise unwritable(run.folder, error, begun=False) from None


def read_sources(run: Run, network: TrainableNetwork) -> dict[str, str]:
    """The texts that a run keeps under the names of a network's sources, those that are there."""
    paths = {name: _below(run.folder, name) for name in network.sources}
    return {name: path.read_text("utf-8") for name, path in paths.items() if path.is_file()}


def _below(folder: Path, name: str) -> Path:
    relative = PurePosixPath(name)
    assert not relative.is_absolute(), "sources lie below the spec's folder"
    assert ".." not in relative.parts, "sources lie below the spec's folder"
    return folder / relative


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Writes the figures of all epochs so far, one line of JSON for each.

    Raises:
        Faults: they cannot be written; exit code 5.
    """
    try:
        write_beside(folder / METRICS, "".join(json.dumps(row) + "\n" for row in rows).encode())
    except OSError as error:
        raise unwritable(folder, error, begun=True) from None
