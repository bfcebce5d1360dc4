"""What launchers say, read; and what is wrong with it, told."""

from __future__ import annotations

import pytest
import torch

from netdsl.training.parallel.launch import Launch, read_launch
from netdsl.training.parallel.start import device_of, started
from tests.training.networks import fault_of, faults_of

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node7",
    "MASTER_PORT": "29500",
}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_LOCALID": "3",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
    "SLURM_JOB_ID": "1234567",
    "MASTER_ADDR": "node7",
}
ONE_NODE = {key: value for key, value in SLURM.items() if key != "MASTER_ADDR"} | {
    "SLURM_STEP_NUM_NODES": "1"
}


@pytest.mark.parametrize(
    ("environment", "launch"),
    [
        (TORCHRUN, Launch(3, 4, 1, 2, "node7", 29500)),
        (SLURM, Launch(3, 8, 3, 4, "node7", 24567)),
        (SLURM | {"MASTER_PORT": "1234"}, Launch(3, 8, 3, 4, "node7", 1234)),
        (ONE_NODE, Launch(3, 8, 3, 4, "127.0.0.1", 24567)),
        (SLURM | TORCHRUN, Launch(3, 4, 1, 2, "node7", 29500)),
        (TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}, None),
        ({}, None),
    ],
    ids=["torchrun", "srun", "port", "one node", "torchrun by srun", "one process", "batch script", "none"],
)
def test_a_launcher_s_word_is_read(environment: dict[str, str], launch: Launch | None) -> None:
    """torchrun's goes first; a job's script itself, outside `srun`, is one process."""
    assert read_launch(environment) == launch


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RANK": "0"}, "`WORLD_SIZE` is not set"),
        ({"WORLD_SIZE": "2"}, "`RANK` is not set"),
        (TORCHRUN | {"RANK": "4"}, "`RANK` is 4 and `WORLD_SIZE` 4"),
        (TORCHRUN | {"LOCAL_RANK": "2"}, "`LOCAL_RANK` is 2 and `LOCAL_WORLD_SIZE` 2"),
        (TORCHRUN | {"RANK": "first"}, "`RANK` is `first`, which is no number"),
        (TORCHRUN | {"MASTER_ADDR": ""}, "`MASTER_ADDR` is not set"),
        ({key: value for key, value in SLURM.items() if key != "MASTER_ADDR"}, "`MASTER_ADDR` is not set"),
        ({key: value for key, value in TORCHRUN.items() if key != "MASTER_PORT"}, "`MASTER_PORT` is not set"),
        (TORCHRUN | {"MASTER_PORT": "http"}, "`MASTER_PORT` is `http`"),
        (TORCHRUN | {"MASTER_PORT": "70000"}, "`MASTER_PORT` is `70000`"),
    ],
)
def test_what_lacks_or_contradicts_itself_is_named(environment: dict[str, str], said: str) -> None:
    found, exit_code = faults_of(lambda: read_launch(environment))

    assert ([diagnostic.code for diagnostic in found], exit_code) == (["launch-environment"], 2)
    assert said in found[0].message


def test_a_process_takes_the_gpu_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = Launch(3, 4, 1, 2, "node7", 29500)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert device_of(launch, None) == device_of(launch, "cuda") == "cuda:1"
    assert device_of(launch, "cpu") == "cpu"
    assert fault_of(lambda: device_of(launch, "cuda:1")) == ("device-of-all", 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert fault_of(lambda: device_of(launch, None)) == ("too-few-gpus", 4)


def test_without_gpus_all_share_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = Launch(3, 4, 1, 2, "node7", 29500)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    assert device_of(launch, None) == "cpu"
    assert fault_of(lambda: device_of(launch, "cuda")) == ("too-few-gpus", 4)


def test_one_process_has_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)

    assert fault_of(lambda: started(None, "fsdp").__enter__()) == ("engine-of-one", 2)
    assert fault_of(lambda: started(None, "fdsp").__enter__()) == ("unknown-engine", 2)
