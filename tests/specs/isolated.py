"""Runs printed networks where netdsl cannot be imported: a process of its own, which the tests talk to.

Reads lines of JSON, each naming a file of source and the inputs' shapes; for each it makes the last class of
the file from a fixed seed, runs it once in eval mode and writes the state dict's shapes and the outputs
beside it. It answers with a line of JSON: what went wrong, or null.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Blocker(MetaPathFinder):
    """Makes netdsl a package that is not there."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == "netdsl":
            raise ModuleNotFoundError(f"{name} must not be imported here")


def last_class(file: Path) -> type[nn.Module]:
    """The last class that a file defines."""
    spec = importlib.util.spec_from_file_location("printed", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [value for value in vars(module).values() if isinstance(value, type)]
    return found[-1]


def run(file: Path, inputs: list[list[int]], seed: int) -> None:
    """Runs a file's network and writes what came out."""
    torch.manual_seed(seed)
    network = last_class(file)().eval()
    samples = [torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed)) for shape in inputs]
    with torch.no_grad():
        output = network(*samples)
    outputs = list(output.values()) if isinstance(output, dict) else [output]
    weights = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    torch.save({"weights": weights, "outputs": outputs}, file.with_suffix(".pt"))


def main() -> None:
    sys.meta_path.insert(0, Blocker())
    for line in sys.stdin:
        task = json.loads(line)
        fault = None
        try:
            run(Path(task["file"]), task["inputs"], task["seed"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the tests show it
            fault = "".join(traceback.format_exception(error))
        print(json.dumps(fault), flush=True)


if __name__ == "__main__":
    main()
