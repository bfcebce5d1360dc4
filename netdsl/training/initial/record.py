"""What a run's folder says of the weights that the run began with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netdsl.training.durable import write_beside

RECORD = "initial_weights.json"


def write_record(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes down what a run begins with."""
    write_beside(folder / RECORD, json.dumps(facts, indent=2).encode())


def recorded_source(folder: Path) -> str | None:
    """The weights that a run began with, as they were named, or None where it began with none."""
    path = folder / RECORD
    return str(json.loads(path.read_text("utf-8"))["source"]) if path.is_file() else None
