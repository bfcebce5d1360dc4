"""What torch raises under a training is told as what a person can do, and nothing that is whole is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netdsl.analysis.memory import Amount, Memory
from netdsl.diagnostics import fault
from netdsl.training import device
from netdsl.training.batches import Batch, Batches
from netdsl.training.checkpoint import positions
from netdsl.training.data import find
from netdsl.training.device import memory_for_training
from netdsl.training.network import TrainableNetwork
from netdsl.training.run import Run
from netdsl.training.runner import train
from netdsl.training.session import train_spec
from tests.training.networks import Small, faults_of, network, silent
from tests.training.runs import PER_EPOCH, RECIPE, digests, few_digits

STEP = PER_EPOCH + 4
GIB = 2**30


@pytest.fixture(autouse=True, scope="module")
def _few_digits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(find, "read_digits", few_digits)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(network(RECIPE), out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def failing(error: Callable[[], BaseException]) -> type[Small]:
    """A network that fails in the midst of a step, after its running statistics have moved."""

    class Failing(Small):
        steps = 0

        def forward(self, images: Tensor) -> Tensor:
            logits = super().forward(images)
            self.steps += self.training
            if self.steps == STEP:
                raise error()
            return logits

    return Failing


def goes_on(folder: Path, undisturbed: Run) -> None:
    """From the step that failed, to the same bits."""
    assert positions(folder / "checkpoints")[-1] == (1, 3)
    run = train(network(RECIPE), resume=folder, device="cpu", display=silent())
    assert digests(run.folder) == digests(undisturbed.folder)


def test_memory_that_runs_out_is_told_with_what_a_step_takes(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As predicted, beside what there is, and with the batch that fits; the step before is kept."""
    memory = Memory(2 * GIB, 2 * GIB, GIB, Amount(0, 0), Amount(GIB // 2, 0))
    asked: list[object] = []

    def predicted(*of: object) -> Memory:
        asked.append(of)
        return memory

    made = network(RECIPE, failing(torch.OutOfMemoryError))
    made = TrainableNetwork(**{name: getattr(made, name) for name in made.__slots__} | {"memory": predicted})
    monkeypatch.setattr("netdsl.training.failures.memory_for_training", lambda _: 12 * GIB)

    found, exit_code = faults_of(lambda: train(made, out=tmp_path / "run", device="cpu", display=silent()))

    assert asked == [("fp32", 1, "cpu")]
    assert ([d.code for d in found], exit_code) == (["out-of-memory"], 4)
    assert found[0].message.endswith(
        "32 images at a time: such a step takes at least 21.00 GiB, 12.00 GiB are there for it"
    )
    assert found[0].help == "train with fewer, `--batch 14`, or with as many in pieces, `--accumulate 3`"
    assert found[0].notes[0].startswith(f"`{tmp_path / 'run'}` keeps the training up to step 3 of epoch 2")
    goes_on(tmp_path / "run", undisturbed)


def test_a_spec_s_network_predicts_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same counting as `netdsl check --memory`: more than the parameters, and less than a gigabyte."""
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "name: net\ninput: [1, 8, 8]\nnet: conv(8, 3) -> relu -> flatten -> linear(10)\n"
        f"train:\n  {RECIPE.replace(chr(10), chr(10) + '  ')}"
    )
    monkeypatch.setattr(nn.Linear, "forward", lambda *_: torch.empty(2**58))

    found, _ = faults_of(lambda: train_spec(spec, out=tmp_path / "run", device="cpu"))

    assert found[0].code == "out-of-memory"
    assert "such a step takes at least 0.00 GiB, " in found[0].message
    assert found[0].help == "train with fewer, `--batch 16`, or with as many in pieces, `--accumulate 2`"


def test_a_device_that_fails_is_told(undisturbed: Run, tmp_path: Path) -> None:
    made = network(
        RECIPE,
        failing(lambda: RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might …")),
    )

    found, exit_code = faults_of(lambda: train(made, out=tmp_path / "run", device="cpu", display=silent()))

    assert ([d.code for d in found], exit_code) == (["device-failed"], 4)
    assert found[0].message.endswith(" failed: CUDA error: unspecified launch failure")
    goes_on(tmp_path / "run", undisturbed)


def test_a_fault_of_netdsl_s_own_loses_nothing_and_says_how_to_go_on(
    undisturbed: Run, tmp_path: Path
) -> None:
    """It stays an exception, which the command line calls a bug."""
    made = network(RECIPE, failing(lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied")))

    with pytest.raises(RuntimeError, match="mat1 and mat2") as raised:
        train(made, out=tmp_path / "run", device="cpu", display=silent())

    assert f"go on with `--resume {tmp_path / 'run'}`" in raised.value.__notes__[0]
    goes_on(tmp_path / "run", undisturbed)


def test_a_step_broken_off_while_it_changes_weights_is_not_kept(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint before is, from which the run goes on to the same bits."""
    real, steps = torch.optim.SGD.step, 0

    def step(optimizer: torch.optim.SGD) -> None:
        nonlocal steps
        steps += 1
        real(optimizer)
        if steps == STEP:
            raise torch.OutOfMemoryError

    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.SGD, "step", step)
        faults_of(lambda: train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent()))

    assert positions(tmp_path / "run" / "checkpoints") == [(1, 0)]
    run = train(network(RECIPE), resume=tmp_path / "run", device="cpu", display=silent())
    assert digests(run.folder) == digests(undisturbed.folder)


def test_data_that_fail_under_way_lose_nothing(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Batches.epoch

    def epoch(self: Batches, number: int, first: int = 0) -> Iterator[Batch]:
        for index, batch in enumerate(real(self, number, first), first):
            if (number, index) == (2, 3):
                raise fault("damaged-image", "`a.png` is damaged", exit_code=3)
            yield batch

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "epoch", epoch)
        found, exit_code = faults_of(
            lambda: train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent())
        )

    assert ([d.code for d in found], exit_code) == (["damaged-image"], 3)
    assert "up to step 3 of epoch 2" in found[0].notes[0]
    goes_on(tmp_path / "run", undisturbed)


def test_the_memory_of_a_processor_is_bounded_by_machine_and_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = torch.device("cpu")
    figures = {"VmRSS": 2 * GIB, "MemAvailable": 10 * GIB}
    monkeypatch.setattr(device, "_proc_bytes", lambda file, name: figures.get(name))
    monkeypatch.setattr(device, "CGROUP", tmp_path)

    assert memory_for_training(cpu) == 12 * GIB
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    assert memory_for_training(cpu) == 12 * GIB
    (tmp_path / "memory.max").write_text(f"{4 * GIB}\n")
    assert memory_for_training(cpu) == 3 * GIB
    del figures["VmRSS"]
    assert memory_for_training(cpu) is None
