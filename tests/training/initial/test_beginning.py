"""A training that begins with weights: what is recorded and said, and that it can stop at any moment."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from safetensors.torch import save_file
from torch import Tensor, nn

from netdsl.training import epochs as loop
from netdsl.training.checkpoint import positions, read_checkpoint
from netdsl.training.initial.beginning import Wanted, names_weights
from netdsl.training.initial.record import RECORD
from netdsl.training.network import TrainableNetwork
from netdsl.training.progress import Display
from netdsl.training.run import Run
from netdsl.training.runner import train
from tests.training.networks import QUICK, Small, fault_of, faults_of, network, rebuild, silent


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netdsl.training.report.draw_curves", lambda run: Figure())
        yield


def quiet(_: str) -> None:
    """Says nothing."""


class Renamed(nn.Module):
    """`Small` under other names."""

    def __init__(self, classes: int = 10, *, aux: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        if aux:
            self.aux = nn.Linear(8, classes)
        self.second = nn.BatchNorm2d(8)
        self.third = nn.Linear(8 * 16, classes)


class TwoAlike(nn.Module):
    """Two layers of one shape."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
        self.c = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.c(self.b(self.a(images.flatten(1))))
        return logits


def wanted(init: str | Path, *excluding: str, fresh_head: bool = False) -> Wanted:
    return Wanted(str(init), fresh_head, excluding, rebuild(network()))


def begun(
    made: TrainableNetwork, init: str | Path, *excluding: str, fresh_head: bool = False
) -> dict[str, Tensor]:
    """The weights that a network begins with."""
    module = made.build()
    wanted(init, *excluding, fresh_head=fresh_head).read(made, quiet).give(module)
    return module.state_dict()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two epochs."""
    return train(network(QUICK), out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def latest(run: Run) -> dict[str, Tensor]:
    folder = run.folder / "checkpoints"
    checkpoint = read_checkpoint(folder, positions(folder)[-1])
    assert not isinstance(checkpoint, str)
    return checkpoint.model


# Where weights come from


def test_a_run_gives_its_latest_weights(finished: Run) -> None:
    given = begun(network(QUICK), finished.folder)

    assert all(torch.equal(given[name], tensor) for name, tensor in latest(finished).items())


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
def test_a_file_of_the_same_names_is_mapped_by_name(name: str, tmp_path: Path) -> None:
    state = dict(reversed(Small().state_dict().items()))
    (save_file if name.endswith("safetensors") else torch.save)(state, tmp_path / name)

    given = begun(network(QUICK), tmp_path / name)

    assert all(torch.equal(given[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
def test_a_file_of_other_names_is_mapped_by_order_or_by_shapes_of_which_there_is_one_each(
    name: str, tmp_path: Path
) -> None:
    theirs = Renamed()
    (save_file if name.endswith("safetensors") else torch.save)(theirs.state_dict(), tmp_path / name)
    beginning = wanted(tmp_path / name).read(network(QUICK), quiet)

    given = begun(network(QUICK), tmp_path / name)

    assert beginning.report.by == ("shape" if name.endswith("safetensors") else "structure")
    assert torch.equal(given["conv.weight"], theirs.first.weight)
    assert torch.equal(given["head.bias"], theirs.third.bias)


def test_a_file_without_order_whose_layers_are_alike_is_refused_and_says_so(tmp_path: Path) -> None:
    """The names sort as the layers stand, and still they are no evidence."""
    theirs = TwoAlike().state_dict()
    save_file({f"net.{name}": tensor for name, tensor in theirs.items()}, tmp_path / "net.safetensors")
    torch.save({f"net.{name}": tensor for name, tensor in theirs.items()}, tmp_path / "net.pth")
    made = network(QUICK, TwoAlike)

    (found, *_), exit_code = faults_of(lambda: begun(made, tmp_path / "net.safetensors"))

    assert (found.code, exit_code) == ("ambiguous-weights", 5)
    assert "`a` could be `net." in found.message
    assert "keeps names but no order" in found.notes[0]
    assert torch.equal(begun(made, tmp_path / "net.pth")["b.weight"], theirs["b.weight"])


def test_another_number_of_classes_needs_a_fresh_head(finished: Run) -> None:
    made = network(QUICK, lambda: Small(classes=5), output=(5,))
    torch.manual_seed(0)
    fresh = made.build().state_dict()

    (found, *_), exit_code = faults_of(lambda: begun(made, finished.folder))
    torch.manual_seed(0)
    given = begun(made, finished.folder, fresh_head=True)

    assert (found.code, exit_code) == ("weights-mismatch", 5)
    assert found.help == "keep the rest, and let these layers begin anew: `--fresh-head`"
    assert torch.equal(given["head.weight"], fresh["head.weight"])
    assert torch.equal(given["conv.weight"], latest(finished)["conv.weight"])


def test_what_the_network_has_not_is_left_out_only_by_its_name(tmp_path: Path) -> None:
    theirs = Renamed(aux=True)
    torch.save(theirs.state_dict(), tmp_path / "net.pth")

    (found, *_), _ = faults_of(lambda: begun(network(QUICK), tmp_path / "net.pth"))
    given = begun(network(QUICK), tmp_path / "net.pth", "aux")

    assert found.code == "weights-mismatch"
    assert found.help == "do without, if that is what you want: `--init-except aux`"
    assert torch.equal(given["head.weight"], theirs.third.weight)
    assert fault_of(lambda: begun(network(QUICK), tmp_path / "net.pth", "aux", "aux2")) == (
        "weights-mismatch",
        5,
    )


def test_what_is_no_number_is_refused_where_it_is_used(tmp_path: Path) -> None:
    """torchvision's VGG-16 without a classifier has one of NaN."""
    theirs = Renamed()
    nn.init.constant_(theirs.third.weight, float("nan"))
    torch.save(theirs.state_dict(), tmp_path / "net.pth")

    (found, *_), exit_code = faults_of(lambda: begun(network(QUICK), tmp_path / "net.pth"))
    given = begun(network(QUICK), tmp_path / "net.pth", "third", "head")

    assert (found.code, exit_code) == ("damaged-weights", 5)
    assert found.help == "do without it: `--init-except third --init-except head`"
    assert torch.equal(given["conv.weight"], theirs.first.weight)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("no/such/run", ("missing-weights", 3)),
        ("no.pth", ("missing-weights", 3)),
        (".", ("missing-run", 2)),
        ("torchvision:", ("init-form", 2)),
        ("timm:", ("init-form", 2)),
        ("pytorch:resnet50", ("init-form", 2)),
        ("notes.txt", ("init-form", 2)),
        ("torchvision:IMAGENET1K_V1", ("unknown-weights", 2)),
    ],
)
def test_what_names_no_weights_is_told(
    init: str, expected: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("no weights")

    assert fault_of(lambda: begun(network(QUICK), init)) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("xavier", False),
        ("normal(std=0.01)", False),
        ("none", False),
        ("xaver", False),
        ("runs", True),
        ("./xavier", True),
        ("net.pth", True),
        ("torchvision:DEFAULT", True),
        ("~/runs/a", True),
    ],
)
def test_weights_are_told_from_the_words_of_a_recipe(
    text: str, names: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt word stays one; a folder that is called as a word needs its path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "xavier").mkdir()

    assert names_weights(text) == names


# A run that begins with weights


Begin = Callable[[str], Run]


@pytest.fixture
def begin(finished: Run, tmp_path: Path) -> Begin:
    """Trains three epochs from the weights of the finished run, into a folder of that name."""

    def run(name: str) -> Run:
        return train(
            network(QUICK),
            weights=wanted(finished.folder),
            overrides={"epochs": "3"},
            out=tmp_path / name,
            device="cpu",
            display=silent(),
        )

    return run


def test_the_run_says_and_records_what_it_begins_with(finished: Run, tmp_path: Path) -> None:
    stream = io.StringIO()
    run = train(
        network(QUICK),
        weights=wanted(finished.folder),
        overrides={"epochs": "1"},
        out=tmp_path / "run",
        device="cpu",
        display=Display(stream),
    )

    file = finished.folder / "checkpoints" / "epoch-0002" / "model.safetensors"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads((run.folder / RECORD).read_text()) == {
        "source": str(finished.folder),
        "file": str(file),
        "sha256": digest,
        "mapped_by": "name",
        "layers": 3,
        "new": [],
        "not_used": [],
    }
    said = (
        f"begins with {finished.folder}: 3 of 3 layers, mapped by name, from {file} (SHA-256 {digest[:8]}…)"
    )
    assert said in stream.getvalue().splitlines()
    assert "going on" not in stream.getvalue()
    assert f"| init | `{finished.folder}` |" in (run.folder / "report.md").read_text()


def test_what_was_learned_is_there_from_the_first_step(finished: Run, begin: Begin) -> None:
    """The first epoch begins where the other run ended, far below a loss of chance."""
    run = begin("run")

    assert run.rows[0]["train_loss"] < finished.rows[0]["train_loss"] / 2


class Stopped(BaseException):
    """What ends a process, as far as the code before it can tell."""


def figures(run: Run) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "samples_per_second")} for row in run.rows]


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits_without_the_source(
    epoch: int, begin: Begin, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in its first epoch, before anything was learned."""
    real = loop.Training._train_epoch

    def stop(self: loop.Training) -> None:
        if self.state.epoch == epoch:
            raise Stopped
        real(self)

    undisturbed = begin("whole")
    monkeypatch.setattr(loop.Training, "_train_epoch", stop)
    with pytest.raises(Stopped):
        begin("stopped")
    monkeypatch.setattr(loop.Training, "_train_epoch", real)
    moved = finished.folder.rename(finished.folder.with_name("moved"))
    try:
        resumed = train(network(QUICK), resume=tmp_path / "stopped", device="cpu", display=silent())
    finally:
        moved.rename(finished.folder)

    assert figures(resumed) == figures(undisturbed)
    assert all(torch.equal(latest(resumed)[name], t) for name, t in latest(undisturbed).items())


def test_a_run_that_was_stopped_before_it_kept_its_weights_is_not_begun_with_others(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr(loop.Training, "save", stop)
    with pytest.raises(Stopped):
        begin("run")

    found = fault_of(lambda: train(network(QUICK), resume=tmp_path / "run", device="cpu", display=silent()))

    assert found == ("missing-checkpoint", 5)


def test_a_run_that_is_resumed_takes_no_other_weights(finished: Run) -> None:
    found = fault_of(
        lambda: train(
            network(QUICK),
            weights=wanted(finished.folder),
            resume=finished.folder,
            device="cpu",
            display=silent(),
        )
    )

    assert found == ("resume-override", 2)


def test_weights_that_do_not_fit_leave_no_run_behind(finished: Run, tmp_path: Path) -> None:
    made = network(QUICK, lambda: Small(classes=5), output=(5,))

    found = fault_of(
        lambda: train(
            made, weights=wanted(finished.folder), out=tmp_path / "run", device="cpu", display=silent()
        )
    )

    assert found == ("weights-mismatch", 5)
    assert not (tmp_path / "run").exists()
