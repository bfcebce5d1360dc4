"""What a recipe makes of a step: a batch in pieces, a shorter gradient, the weights' average; and its end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from netdsl.training.batches import Share
from netdsl.training.checkpoint import (
    AVERAGE,
    MODEL,
    Checkpoint,
    Keeping,
    Position,
    positions,
    read_checkpoint,
)
from netdsl.training.data import find
from netdsl.training.data.dataset import HeldImages
from netdsl.training.evaluation import evaluate
from netdsl.training.progress import Display
from netdsl.training.run import Run
from netdsl.training.runner import train
from netdsl.training.seeds import WEIGHTS, derived
from tests.training.data.test_folder import animals
from tests.training.networks import Small, network, rebuild, silent
from tests.training.runs import Stopped, Stopping, few_digits, figures


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """288 images to train on, 72 to test on, no drawing, one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(find, "read_digits", few_digits)
    monkeypatch.setattr("netdsl.training.report.draw_curves", lambda run: Figure())
    yield
    torch.set_num_threads(threads)


class Plain(nn.Module):
    """Nothing that sees a batch as a whole, and nothing drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 16)
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(self.hidden(images.flatten(1))))
        return logits


RECIPE = "data: digits\nbatch: 40\nepochs: 2\noptimizer: sgd(lr=0.5, momentum=0.9)\n"


def trained(folder: Path, recipe: str, build: type[nn.Module] = Plain) -> Run:
    return train(network(recipe, build), out=folder, device="cpu", display=silent())


def weights(run: Run, file: str = MODEL) -> dict[str, Tensor]:
    checkpoints = run.folder / "checkpoints"
    found = read_checkpoint(checkpoints, positions(checkpoints)[-1])
    assert isinstance(found, Checkpoint)
    return found.tensors[file]


@pytest.mark.parametrize("pieces", [2, 3, 40])
def test_a_batch_in_pieces_does_what_it_does_whole(tmp_path: Path, pieces: int) -> None:
    """288 images in batches of 40 leave one of 8; each image weighs the same, whatever piece it is in."""
    whole = trained(tmp_path / "whole", RECIPE)
    cut = trained(tmp_path / "cut", f"{RECIPE}accumulate: {pieces}\n")

    torch.testing.assert_close(weights(cut), weights(whole), rtol=1e-4, atol=1e-5)
    for one, other in zip(figures(cut), figures(whole), strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_pieces_are_no_larger_than_those_of_a_full_batch() -> None:
    share = Share(size=40, pieces=3)

    assert share.sizes(40) == [14, 13, 13]
    assert share.sizes(8) == [8]
    assert share.sizes(41) == [14, 14, 13]
    assert Share(size=40, pieces=40).sizes(3) == [1, 1, 1]


@pytest.mark.parametrize("count", [1, 2, 5, 13, 24])
def test_the_shares_of_all_processes_are_the_pieces(count: int) -> None:
    """Piece by piece, in order; none is lost and none is had twice."""
    batch = torch.arange(count)
    shares = [Share(rank, 3, size=24, pieces=4) for rank in range(3)]
    sizes = [share.sizes(count) for share in shares]
    parts = [torch.split(share.of(batch), own) for share, own in zip(shares, sizes, strict=True)]

    pieces = [torch.cat(piece) for piece in zip(*parts, strict=True)]

    assert torch.equal(torch.cat(pieces), batch)
    assert [len(piece) for piece in pieces] == Share(size=24, pieces=4).sizes(count)


def test_a_batch_that_lacks_samples_has_the_pieces_of_a_whole_one() -> None:
    """All processes compute as many; one alone has no need of an empty one."""
    alone, second = Share(size=8, pieces=4), Share(1, 2, size=8, pieces=4)

    assert alone.sizes_of(8, 8) == [2, 2, 2, 2]
    assert alone.sizes_of(7, 8) == [2, 2, 2, 1]
    assert alone.sizes_of(3, 8) == [1, 1, 1]
    assert second.sizes_of(3, 8) == [1, 1, 1, 0]


def test_pieces_do_without_images_that_are_damaged(tmp_path: Path) -> None:
    """Of files that are read anew in each epoch, where a batch lacks one only once it is made."""
    animals(tmp_path / "animals")
    (tmp_path / "animals" / "train" / "cat" / "1.png").write_bytes(b"no image")
    recipe = (
        f"data: folder:{tmp_path / 'animals'}\naugment: random_resized_crop([4, 6])\ndamaged: skip\n"
        "batch: 6\naccumulate: 3\nepochs: 1\n"
    )
    made = network(recipe, lambda: Small(3, 2), input=(3, 4, 6), output=(2,))

    run = train(made, out=tmp_path / "run", device="cpu", display=silent())

    checkpoint = weights(run)
    assert all(tensor.isfinite().all() for tensor in checkpoint.values())
    assert checkpoint["norm.num_batches_tracked"] == 3


def test_a_long_gradient_is_shortened_as_torch_does(tmp_path: Path) -> None:
    """One step of plain descent over all images, beside the same in a few lines of torch."""
    recipe = "data: digits\nbatch: 512\nepochs: 1\noptimizer: sgd(lr=1)\nschedule: constant\nclip: 0.05\n"
    run = trained(tmp_path / "run", recipe)
    torch.manual_seed(derived(WEIGHTS, 0))
    module, split = Plain(), few_digits().train
    assert isinstance(split.images, HeldImages)
    loss = nn.functional.cross_entropy(module(run.scaling()(split.images.values)), split.labels)
    loss.backward()  # type: ignore[no-untyped-call]

    norm = nn.utils.clip_grad_norm_(module.parameters(), 0.05)

    assert norm > 0.05
    torch.optim.SGD(module.parameters(), lr=1).step()
    torch.testing.assert_close(weights(run), dict(module.state_dict()))


EMA = RECIPE + "ema: 0.9\n"


def test_the_average_is_what_is_measured(tmp_path: Path) -> None:
    """The last row is that of the average's weights, and `eval` gives it again."""
    run = trained(tmp_path / "run", EMA)
    split, module = few_digits().test, Plain()
    assert isinstance(split.images, HeldImages)
    module.load_state_dict(weights(run, AVERAGE))
    with torch.no_grad():
        loss = nn.functional.cross_entropy(module(run.scaling()(split.images.values)), split.labels)

    assert run.rows[-1]["test_loss"] == pytest.approx(float(loss), rel=1e-5)
    assert not torch.equal(weights(run)["head.weight"], weights(run, AVERAGE)["head.weight"])
    measured = evaluate(run.folder, rebuild(network(EMA, Plain)), device="cpu", say=lambda _: None)
    assert measured.figures["loss"] == pytest.approx(run.rows[-1]["test_loss"], rel=1e-6)


def test_the_average_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    recipe = EMA + "clip: 1\naccumulate: 2\n"
    undisturbed = trained(tmp_path / "whole", recipe)
    with pytest.raises(Stopped):
        train(
            network(recipe, Plain),
            out=tmp_path / "run",
            device="cpu",
            keeping=Keeping(every_seconds=0),
            display=Stopping(12),
        )

    run = train(network(recipe, Plain), resume=tmp_path / "run", device="cpu", display=silent())

    assert figures(run) == figures(undisturbed)
    for file in (MODEL, AVERAGE):
        one, other = weights(run, file), weights(undisturbed, file)
        assert all(torch.equal(one[name], other[name]) for name in other)


WORSE = (
    "data: digits\nepochs: 9\nvalidate: 0.25\nstop_early: 2\noptimizer: sgd(lr=2)\nschedule: exponential(9)\n"
)
"""A rate that is ninefold each epoch, so that the loss soon rises."""


def test_a_training_stops_when_no_better_epoch_comes_and_that_one_counts(tmp_path: Path) -> None:
    """The network is asked by the best epoch's weights, whose checkpoint is kept."""
    run = trained(tmp_path / "run", WORSE)
    losses = [row["validation_loss"] for row in run.rows]
    best = losses.index(min(losses)) + 1

    assert len(run.rows) == best + 2 < 9
    assert run.metrics["epoch"] == best
    assert Position(best) in positions(run.folder / "checkpoints")
    assert (run.facts.train_samples, run.facts.validation_samples, run.facts.test_samples) == (216, 72, 72)
    measured = evaluate(run.folder, rebuild(network(WORSE, Plain)), device="cpu", say=lambda _: None)
    assert measured.figures["loss"] == pytest.approx(run.metrics["test_loss"], rel=1e-6)
    said = io.StringIO()
    train(network(WORSE, Plain), resume=run.folder, device="cpu", display=Display(said))
    assert f"finished already, at epoch {best + 2}" in said.getvalue()
