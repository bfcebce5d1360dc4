"""Files for other programs: read back by those programs, they give the module's values, for any batch."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import netdsl
from netdsl.backends import portable
from netdsl.backends.portable import export_module
from netdsl.diagnostics import Faults

SPEC = """\
name: small
input: {image: [3, 8, 8], text: [5]}
net:
  seen: from(image) -> conv(4, 3, stride=2) -> batchnorm -> relu -> flatten
  read: from(text) -> linear(6) -> tanh
  both: (from(seen) | from(read)) -> rearrange("(g c) -> (c g)", g=6) -> linear(3)
"""


@pytest.fixture
def module(tmp_path: Path) -> nn.Module:
    """A network with two inputs, normalization and a rearrangement."""
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return netdsl.build(path).eval()


SHAPES = {"image": (3, 8, 8), "text": (5,)}


def samples(batch: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(batch, *shape) for shape in SHAPES.values())


def test_onnx_runtime_gives_what_the_module_gives(module: nn.Module, tmp_path: Path) -> None:
    made = export_module(module, SHAPES, tmp_path / "small.onnx", {"classes": '["a", "b", "c"]'})

    given = samples(5)
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    found = session.run(None, dict(zip(SHAPES, (tensor.numpy() for tensor in given), strict=True)))
    kept = {entry.key: entry.value for entry in onnx.load(made.path).metadata_props}

    assert (made.inputs, made.outputs) == (("image", "text"), ("output",))
    torch.testing.assert_close(torch.from_numpy(found[0]), module(*given))
    assert json.loads(kept["classes"]) == ["a", "b", "c"]


def test_a_program_of_torch_export_gives_what_the_module_gives(module: nn.Module, tmp_path: Path) -> None:
    made = export_module(module, SHAPES, tmp_path / "small.pt2", {"classes": '["a"]'})

    given = samples(1)
    kept = {"classes": ""}
    with made.path.open("rb") as file:
        program = torch.export.load(file, extra_files=kept)

    torch.testing.assert_close(program.module()(*given), module(*given))
    assert kept == {"classes": '["a"]'}


class _Decides(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


class _Rolls(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


@pytest.mark.parametrize(
    ("module", "ending", "code"),
    [(_Decides(), "pt2", "export-unsupported"), (_Rolls(), "pt2", "export-differs")],
)
def test_what_cannot_be_written_leaves_no_file(
    tmp_path: Path, module: nn.Module, ending: str, code: str
) -> None:
    with pytest.raises(Faults) as caught:
        export_module(module, {"input": (4,)}, tmp_path / f"net.{ending}", {})

    assert caught.value.diagnostics[0].code == code
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named(
    module: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "find_spec", lambda name: None if name == "onnxscript" else name)

    with pytest.raises(Faults, match="onnxscript") as caught:
        export_module(module, SHAPES, tmp_path / "small.onnx", {})

    assert caught.value.diagnostics[0].code == "missing-library"
    assert caught.value.exit_code == 2


def test_a_folder_that_is_not_there_is_named(module: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(Faults, match="cannot be written"):
        export_module(module, SHAPES, tmp_path / "nowhere" / "small.pt2", {})
