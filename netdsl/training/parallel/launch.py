"""What a launcher says to the processes it starts: which of how many each is, and where they meet.

`torchrun` sets its variables itself. SLURM's `srun` sets others, and leaves the meeting place to the job's
script unless all are on one machine. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.diagnostics import Faults, fault
from netdsl.records import value_record

TORCHRUN: Mapping[str, str] = {
    "rank": "RANK",
    "ranks": "WORLD_SIZE",
    "local_rank": "LOCAL_RANK",
    "local_ranks": "LOCAL_WORLD_SIZE",
}
SLURM: Mapping[str, str] = {
    "rank": "SLURM_PROCID",
    "ranks": "SLURM_STEP_NUM_TASKS",
    "local_rank": "SLURM_LOCALID",
    "local_ranks": "SLURM_STEP_TASKS_PER_NODE",
}
"""The variables of a job's step; outside `srun`, a job's script has no `SLURM_STEP_NUM_TASKS`."""
ENGINES: Mapping[str, str] = {
    "ddp": "every process holds the whole network",
    "fsdp": "each holds a share of it, and gathers stage by stage",
}
"""What processes may have of a network."""
FIRST_PORT = 20_000
"""The port of SLURM jobs is this and the last four digits of the job's number, so that two rarely meet."""


@value_record()
class Launch:
    """One of several processes."""

    rank: int
    """Its number, from 0."""
    ranks: int
    local_rank: int
    """Its number among those on its machine."""
    local_ranks: int
    address: str
    """The machine on which they meet, the first process' own."""
    port: int


def read_launch(environment: Mapping[str, str]) -> Launch | None:
    """What a launcher says in a process' environment; None where there is none, or one process only.

    Raises:
        Faults: it contradicts itself, or lacks something; exit code 2.
    """
    if TORCHRUN["rank"] in environment or TORCHRUN["ranks"] in environment:
        launch = _read(environment, TORCHRUN, environment.get("MASTER_ADDR"), environment.get("MASTER_PORT"))
    elif SLURM["ranks"] in environment and SLURM["rank"] in environment:
        job = environment.get("SLURM_JOB_ID", "0")
        port = FIRST_PORT + (int(job) if job.isdigit() else 0) % 10_000
        address = environment.get("MASTER_ADDR")
        if address is None and environment.get("SLURM_STEP_NUM_NODES") == "1":
            address = "127.0.0.1"
        launch = _read(environment, SLURM, address, environment.get("MASTER_PORT", str(port)))
    else:
        return None
    return launch if launch.ranks > 1 else None


def _read(
    environment: Mapping[str, str], names: Mapping[str, str], address: str | None, port: str | None
) -> Launch:
    numbers = {field: _number(environment, name) for field, name in names.items()}
    launch = Launch(**numbers, address=address or "", port=int(port) if port and port.isdigit() else 0)
    for field, count in (("rank", "ranks"), ("local_rank", "local_ranks")):
        if not numbers[field] < numbers[count]:
            said = f"`{names[field]}` is {numbers[field]} and `{names[count]}` {numbers[count]}"
            raise _refused(f"{said}: numbers of processes go from 0 to one less than there are")
    if launch.ranks > 1 and not address:
        raise _refused("`MASTER_ADDR` is not set, the machine on which the processes meet")
    if launch.ranks > 1 and not 0 < launch.port < 2**16:
        raise _refused(f"`MASTER_PORT` is {f'`{port}`' if port else 'not set'}, and must be a port's number")
    return launch


def _number(environment: Mapping[str, str], name: str) -> int:
    """A variable's number; SLURM writes `4(x2)` where two machines have four each."""
    text = environment.get(name)
    if text is None:
        raise _refused(f"`{name}` is not set")
    number = text.partition("(")[0].partition(",")[0]
    if not number.isdigit():
        raise _refused(f"`{name}` is `{text}`, which is no number")
    return int(number)


def _refused(what: str) -> Faults:
    help = "start the processes by `torchrun --nproc-per-node N -m netdsl train …`, which sets all of them"
    return fault("launch-environment", f"the environment of a launcher is not whole: {what}", help=help)
