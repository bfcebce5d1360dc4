"""Layers of the user's own: declared in a module, named by `--plugin`, and then like any other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import netdsl
from netdsl.diagnostics import Faults
from netdsl.layers.layer import Layer, TorchCall

MODULE = '''
import netdsl
from netdsl.layers.layer import Integer, TorchArgument, TorchCall

HELPER = """\\
class Power(nn.Module):
    def __init__(self, exponent: int) -> None:
        super().__init__()
        self.exponent = exponent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x**self.exponent
"""


@netdsl.layer
class Power(netdsl.Layer):
    """x to a power."""

    word = "power"
    exponent = Integer("the power", minimum=1)

    def torch(self, input):
        return TorchCall("Power", (TorchArgument(None, self.exponent),), HELPER)
'''
SPEC = "name: powers\ninput: [2, 3]\nnet: power(3)\n"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec beside a module with its layer."""
    (tmp_path / "powers_plugin.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "powers_plugin", raising=False)
    path = tmp_path / "powers.yaml"
    path.write_text(SPEC)
    return path


def test_a_plugin_s_layer_is_checked_and_built_like_any_other(spec: Path) -> None:
    report = netdsl.check(spec, plugins=["powers_plugin"])
    model = netdsl.build(spec, plugins=["powers_plugin"])
    sample = torch.randn(4, 2, 3)

    assert report.ok
    assert torch.equal(model(sample), sample**3)


def test_its_arguments_are_judged_as_it_declares_them(spec: Path) -> None:
    spec.write_text(SPEC.replace("power(3)", "power(0)"))

    codes = [found.code for found in netdsl.check(spec, plugins=["powers_plugin"]).diagnostics]

    assert codes == ["argument-range"]


def test_without_the_plugin_its_word_is_unknown(spec: Path) -> None:
    assert [found.code for found in netdsl.check(spec).diagnostics] == ["unknown-name"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import nothing_of_the_kind", "plugin-import"),
        ("x = 1", "empty-plugin"),
        (MODULE.replace('word = "power"', 'word = "conv"'), "plugin-layer"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_diagnostic(spec: Path, text: str, code: str) -> None:
    (spec.parent / "powers_plugin.py").write_text(text)

    with pytest.raises(Faults) as raised:
        netdsl.check(spec, plugins=["powers_plugin"])

    assert [found.code for found in raised.value.diagnostics] == [code]


def test_a_class_that_does_not_say_what_a_layer_is_is_refused() -> None:
    class WithoutWord(Layer):
        def torch(self, input: object) -> TorchCall:
            return TorchCall("nn.Identity")

    class WithoutTorch(Layer):
        word = "nothing"

    with pytest.raises(TypeError, match="needs `word`"):
        netdsl.layer(WithoutWord)
    with pytest.raises(TypeError, match="which torch module"):
        netdsl.layer(WithoutTorch)
