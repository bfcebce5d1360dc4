"""A module → a file that other programs run: ONNX, or a program of torch.export.

What was written is read back and run beside the module, so that a file that gives other values is never left.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from netdsl.diagnostics import fault
from netdsl.records import record

NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "pt2": ()}
"""The formats, which are also the endings of their files, with the libraries that each needs."""
TRIED_BATCH, WRITTEN_BATCH = 3, 2
TOLERANCE = 1e-4
"""The largest difference, relative to the largest value of an output, that still counts as the same."""


@record
class Exported:
    """What was written."""

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float
    """The largest difference from the module on random inputs, relative to an output's largest value."""


def export_module(
    module: nn.Module, inputs: Mapping[str, Sequence[int]], path: Path, facts: Mapping[str, str]
) -> Exported:
    """Writes a module, in the format of the file's ending, for batches of any size.

    Args:
        module: in eval mode, on the CPU.
        inputs: the shape of one sample for each input, without the batch.
        path: the file, which ends in one of `NEEDED`.
        facts: kept in the file beside the network, by name.

    Raises:
        Faults: a library is missing (2), the network cannot be written in the format (1), or the file cannot
            be written (2). The number is the exit code.
    """
    format = path.suffix.removeprefix(".")
    missing = [library for library in NEEDED[format] if find_spec(library) is None]
    if missing:
        message = f"{format} files are written by {', '.join(f'`{library}`' for library in missing)}"
        raise fault("missing-library", message, help="install them: `pip install 'netdsl[onnx]'`")
    samples = _samples(inputs, WRITTEN_BATCH)
    outputs = tuple(_apart(name, inputs) for name in _named(module(*samples)))
    in_onnx = partial(_write_onnx, inputs=tuple(inputs), outputs=outputs)
    write, run = (in_onnx, _run_onnx) if format == "onnx" else (_write_program, _run_program)
    beside = path.with_name(f".{path.name}.partial")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporter speaks of its own future there
            batch = Dim("batch")
            shapes = tuple({0: batch} for _ in samples)
            program = torch.export.export(module, samples, dynamic_shapes=shapes)
            write(program, beside, facts)
            difference = _difference(module, _samples(inputs, TRIED_BATCH), run, beside)
        if difference > TOLERANCE:
            message = (
                f"what was written to `{path}` gives other values: {difference:.1e} of the largest apart"
            )
            raise fault("export-differs", message, exit_code=1, help="try the other format, and report it")
        beside.replace(path)
    except OSError as error:
        message = f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}"
        help = "name a file in a folder that exists and is yours"
        raise fault("unwritable-file", message, help=help) from None
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        message = f"the network cannot be written as {format}: {reason}"
        help = (
            "try the other format: `--format pt2`" if format == "onnx" else "`netdsl emit` prints its source"
        )
        raise fault("export-unsupported", message, exit_code=1, help=help) from None
    finally:
        beside.unlink(missing_ok=True)
    return Exported(path, tuple(inputs), outputs, difference)


def _samples(inputs: Mapping[str, Sequence[int]], batch: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(batch)
    return tuple(torch.randn(batch, *shape, generator=generator) for shape in inputs.values())


def _named(output: Any) -> dict[str, Tensor]:
    """A module's outputs by name: a network with several gives them so."""
    return dict(output) if isinstance(output, dict) else {"output": output}


def _apart(output: str, inputs: Iterable[str]) -> str:
    """An output's name that no input has."""
    return f"{output}_output" if output in inputs else output


def _difference(module: nn.Module, samples: tuple[Tensor, ...], run: Any, path: Path) -> float:
    with torch.inference_mode():
        expected = list(_named(module(*samples)).values())
    found = run(path, samples)
    apart = [
        (float((ours - theirs).abs().max()), float(ours.abs().max()))
        for ours, theirs in zip(expected, found, strict=True)
    ]
    return max(difference / max(largest, torch.finfo(torch.float32).tiny) for difference, largest in apart)


def _write_onnx(
    program: ExportedProgram,
    path: Path,
    facts: Mapping[str, str],
    *,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> None:
    written = torch.onnx.export(
        program, input_names=list(inputs), output_names=list(outputs), dynamo=True, verbose=False
    )
    assert written is not None, "without a file's name the exporter returns its program"
    written.model.metadata_props.update(facts)
    written.save(path)


def _run_onnx(path: Path, samples: tuple[Tensor, ...]) -> list[Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [input.name for input in session.get_inputs()]
    found = session.run(None, {name: s.numpy() for name, s in zip(names, samples, strict=True)})
    return [torch.from_numpy(values) for values in found]


def _write_program(program: ExportedProgram, path: Path, facts: Mapping[str, str]) -> None:
    with path.open("wb") as file:
        torch.export.save(program, file, extra_files=dict(facts))


def _run_program(path: Path, samples: tuple[Tensor, ...]) -> list[Tensor]:
    with path.open("rb") as file, torch.inference_mode():
        return list(_named(torch.export.load(file).module()(*samples)).values())
