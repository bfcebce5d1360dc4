"""Receptive fields, held against gradients and against figures in print."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from torch import nn

from netdsl.analysis.receptive_field import Field, by_path, receptive_fields
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source, compile_spec
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network

LENGTH = 240
"""Positions of the random networks' input."""


def network_of(net: str, input: str = "[3, 64, 64]", more: str = "") -> Network:
    source = Source("drawn.yaml", f"name: drawn\ninput: {input}\n{more}net: {net}\n")
    compilation = compile_source(source)
    assert compilation.report.diagnostics == ()
    assert compilation.network is not None
    return compilation.network


def of_output(network: Network) -> tuple[Field, ...]:
    (fields,) = receptive_fields(network)[-1].by_input.values()
    return fields


class _Windows(nn.Module):
    """In the place of a max pooling over one axis: a sum of the window, which depends on all of it."""

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool = self.pool
        weight = torch.rand(x.shape[1], 1, pool.kernel_size, dtype=x.dtype) + 0.1
        return nn.functional.conv1d(x, weight, None, pool.stride, pool.padding, pool.dilation, x.shape[1])


def linear_twin(network: Network) -> nn.Module:
    """The network with random positive weights, without what would block or cancel a gradient."""
    model = build_module(network).double().eval()
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    for scope in list(model.modules()):
        for name, module in scope.named_children():
            if isinstance(module, nn.ReLU | nn.Sigmoid):
                setattr(scope, name, nn.Identity())
            elif isinstance(module, nn.MaxPool1d):
                setattr(scope, name, _Windows(module))
    return model


def seen(model: nn.Module, shape: tuple[int, ...], unit: int, axis: int) -> tuple[int, int] | None:
    """The first and the last position along an axis with a gradient from one unit of the output."""
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    chosen = model(x)[0].movedim(axis, 0)[unit]
    middle = chosen.flatten(1)[:, chosen.flatten(1).shape[1] // 2] if chosen.dim() > 1 else chosen
    (gradient,) = torch.autograd.grad(middle.sum(), x)
    strength = gradient[0].abs().movedim(axis, 0).flatten(1).sum(1)
    (reached,) = torch.nonzero(strength > 1e-9 * strength.max(), as_tuple=True)
    return (int(reached[0]), int(reached[-1])) if len(reached) and strength.max() > 0 else None


# Random networks over one axis, which is where windows, strides and phases are; axes do not mix


def _same_size(draw: DrawFn) -> str:
    kernel, dilation = draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 3))
    padding = dilation * (kernel // 2)
    conv = f"conv(2, {kernel}, padding={padding}, dilation={dilation})"
    pools = ["maxpool(3, stride=1, padding=1)", "avgpool(3, stride=1, padding=1)", "depthwise(3, padding=1)"]
    return draw(st.sampled_from([conv, conv, "relu", "batchnorm", *pools, 'conv(2, 4, padding="same")']))


def _resizing(draw: DrawFn) -> str:
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, kernel // 2))
    window = f"{kernel}, stride={stride}, padding={padding}"
    mode = draw(st.sampled_from(["nearest", "linear", "nearest-exact", "area"]))
    corners = ", align_corners=true" if mode == "linear" and draw(st.booleans()) else ""
    factor = draw(st.sampled_from([2, 3, 1.5, 0.5]))
    dilated = f"conv_transpose(2, {kernel}, stride={stride}, padding={padding}, dilation=2)"
    choices = [f"conv(2, {window})", f"maxpool({window})", f"avgpool({window})"]
    choices += [f"conv_transpose(2, {kernel}, stride={stride})", dilated]
    choices += [f'upsample(scale_factor={factor}, mode="{mode}"{corners})', "pad([3, 1])"]
    return draw(st.sampled_from([*choices, "adaptive_avgpool(50)"]))


@st.composite
def chains(draw: DrawFn) -> str:
    """Layers and branches over one axis."""
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.integers(0, 4))
        if kind == 0:
            operator = draw(st.sampled_from(["+", "*", "-", "|"]))
            branch = " -> ".join(_same_size(draw) for _ in range(draw(st.integers(1, 2))))
            steps.append(f"(conv(2, 1) {operator} (conv(2, 1) -> {branch} -> conv(2, 1)))")
        elif kind == 1:
            kernel = draw(st.sampled_from([3, 5, 7]))
            steps.append(f"(conv(2, {kernel}, stride=2, padding={kernel // 2}) + maxpool(1, stride=2))")
        else:
            steps.append((_same_size if kind == 2 else _resizing)(draw))
    return "conv(2, 1) -> " + " -> ".join(steps)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(chains())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_a_unit_reaches_as_far_as_its_gradient(net: str) -> None:
    """The first and the last position of the units in the middle are those with a gradient."""
    note(net)
    found = compile_source(Source("drawn.yaml", f"name: drawn\ninput: [2, {LENGTH}]\nnet: '{net}'\n"))
    assume(found.network is not None)  # some windows do not fit any more
    assert found.network is not None
    (field,) = of_output(found.network)
    (units,) = found.network.graph.output.sizes[1:]
    assume(not field.is_global and field.stride is not None)
    assert field.stride is not None
    model = linear_twin(found.network)
    checked = 0
    for unit in range(units // 2 - 3, units // 2 + 4):
        times, phase = divmod(unit, len(field.first))
        moved = int(field.stride * len(field.first)) * times
        first, last = field.first[phase] + moved, field.last[phase] + moved
        if unit >= 0 and first > LENGTH // 5 and last < LENGTH - LENGTH // 5:
            assert seen(model, (2, LENGTH), unit, 1) == ((first, last) if first <= last else None)
            checked += 1
    assume(checked)


FIGURES = [
    ("conv(8, 3, padding=1)*2", "3×3 twice", 5, 1, 0),
    ("conv(8, 3, padding=1)*3", "Simonyan & Zisserman 2014, section 2.3: three of them have 7×7", 7, 1, 0),
    ("conv(8, 5) -> maxpool(2)", "Araujo et al. 2019: 5 + (2 − 1)·1", 6, 2, 2.5),
    ("conv(8, 3, dilation=2)", "a reach of 5", 5, 1, 2),
    ("(conv(4, 1) | conv(4, 5, padding=2) | maxpool(3, stride=1, padding=1))", "the widest branch", 5, 1, 0),
    ("conv(4, 3, stride=2, padding=1) -> upsample(scale_factor=2)", "two units see the same", 3, 1, -0.5),
    (
        'upsample(scale_factor=2, mode="bilinear")',
        "two of the input for each",
        2,
        0.5,
        -0.25,
    ),
    ("conv_transpose(4, 4, stride=2, padding=1)", "two of four taps meet each unit", 2, 0.5, -0.25),
    ("conv_transpose(4, 2, stride=2)", "every unit has one", 1, 0.5, -0.25),
    ("conv_transpose(4, 1, stride=2)", "every other unit has one, the rest nothing", 1, 0.5, 0),
    ("pixel_shuffle(1) -> crop(10)", "a crop moves the centre", 1, 1, 27),
]


@pytest.mark.parametrize(("net", "why", "size", "stride", "centre"), FIGURES)
def test_fields_that_can_be_counted_by_hand(
    net: str, why: str, size: int, stride: float, centre: float
) -> None:
    """Size, stride and centre along both axes of an input 3×64×64."""
    fields = of_output(network_of(f"'{net}'"))

    expected = (size, Fraction(stride), Fraction(centre))
    assert [(f.size, f.stride, f.centre) for f in fields] == [expected] * 2, why


@pytest.mark.parametrize(
    ("name", "settings", "stage", "size", "stride"),
    [
        ("dncnn", {}, "noise1", 35, 1),  # Zhang et al. 2017, section III.A: 17 layers, 35×35
        ("dncnn_b", {}, None, 41, 1),  # 20 layers, the same section
        ("vgg16", {}, "stage1", 6, 2),
        ("vgg16", {}, "stage3", 44, 8),
        ("vgg16", {}, "stage5", 212, 32),  # Araujo et al. 2019, table 1
        ("alexnet", {}, "conv5", 195, 32),  # the same table
        ("resnet50", {}, "body", 427, 32),  # stride on the 3×3
        ("resnet50_v1", {}, "body", 483, 32),  # stride on the 1×1: 483, as in the same table
        ("lenet5_1998", {}, "S2", 6, 2),  # LeCun et al. 1998, II.B
    ],
)
def test_fields_of_known_networks(
    name: str, settings: dict[str, str], stage: str | None, size: int, stride: int
) -> None:
    """The figures in print."""
    network = compile_spec(name, settings).network
    assert network is not None
    fields = by_path(receptive_fields(network))
    ((h, w),) = (fields[stage] if stage else receptive_fields(network)[-1]).by_input.values()

    assert (h.size, w.size) == (size, size)
    assert (h.stride, w.stride) == (Fraction(stride), Fraction(stride))


@pytest.mark.parametrize(
    ("net", "along_height", "along_width"),
    [
        ("global_avgpool", True, True),
        ("conv(4, 3) -> se(2)", True, True),
        ("flatten -> linear(3)", True, True),
        ("groupnorm(3) -> conv(4, 3)", True, True),
        ("softmax(2)", True, False),
        ("adaptive_avgpool([1, 4])", True, False),
        ('rearrange("c h w -> (c h) w") -> conv(3, 3)', True, None),
        ("conv(4, 3) -> channel_shuffle(2) -> layernorm", False, False),
    ],
)
def test_what_every_unit_sees_is_global(net: str, along_height: bool, along_width: bool | None) -> None:
    """Through gates, norms over positions and flattening; along each axis alone."""
    found = {field.axis: field for field in of_output(network_of(f"'{net}'"))}

    assert found["h"].is_global == along_height
    assert found["h"].size == (64 if along_height else found["h"].size)
    assert along_width is None or found["w"].is_global == along_width


def test_what_strides_jump_over_is_not_seen_by_all() -> None:
    """A global field ends where the last window did: of 64 positions, 62 are reached."""
    fields = of_output(network_of("conv(4, 2, stride=3, padding=1) -> global_avgpool"))

    assert [(f.first, f.last, f.size) for f in fields] == [((0,), (63,), 64)] * 2
    fields = of_output(network_of("conv(4, 1, stride=4) -> global_avgpool"))
    assert [(f.first, f.last, f.size) for f in fields] == [((0,), (60,), 61)] * 2


def test_branches_of_different_strides_are_united_unit_by_unit() -> None:
    """Unit p of 4 sees 2p and 2p+1 by one branch, and its share of 7 by the other: there is no stride."""
    net = "(maxpool(2, ceil_mode=true) + adaptive_avgpool(4))"
    (field,) = of_output(network_of(net, "[3, 7]"))

    assert field.stride is None
    assert field.first == (0, 1, 3, 5)
    assert field.last == (1, 3, 5, 7)


def test_each_input_has_fields_of_its_own() -> None:
    """Two inputs, one of them flat: its part of the result is told without axes."""
    more = "shared: {tower: 'conv(4, 3)'}\n"
    network = network_of(
        "\n  a: from(left) -> tower\n  b: from(right) -> tower -> maxpool(3, stride=1, padding=1)\n"
        "  c: from(a) | from(b)",
        "{left: [1, 9, 9], right: [1, 9, 9], code: [5]}",
        more,
    )
    by_input = receptive_fields(network)[-1].by_input

    assert {name: [field.size for field in fields] for name, fields in by_input.items()} == {
        "left": [3, 3],
        "right": [5, 5],
    }


def test_an_axis_folded_into_the_channels_is_seen_as_a_whole() -> None:
    """HybridSN reads 13 of 30 bands, and all of them from its fold on."""
    network = compile_spec("hybridsn").network
    assert network is not None
    fields = by_path(receptive_fields(network))
    before, after = (fields[name].by_input["input"] for name in ("spectral", "fold"))

    assert [(f.axis, f.size, f.is_global) for f in before] == [
        ("d", 13, False),
        ("h", 7, False),
        ("w", 7, False),
    ]
    assert [(f.axis, f.size, f.is_global) for f in after] == [
        ("d", 30, True),
        ("h", 7, False),
        ("w", 7, False),
    ]


def test_a_deep_network_takes_the_time_of_a_shallow_one() -> None:
    """Blocks are looked at once: 16,000 layers need no more relations than 50."""
    network = compile_spec("resnet50", {"depths": "[3, 4, 400, 3]"}).network
    assert network is not None
    (h, _) = by_path(receptive_fields(network))["body"].by_input["input"]

    assert h.size == 427 + 394 * 32


@pytest.mark.parametrize(
    ("net", "length"),
    [
        ("conv(1, 3000000) -> conv(1, 3)", 4_000_000),
        ("conv(1, 500000) -> conv(1, 500000)", 2_000_000),
        ("conv_transpose(1, 3, stride=100000) -> conv(1, 3)", 1000),
        ("upsample(scale_factor=1.2345678) -> upsample(scale_factor=1.3456789)", 1_000_000),
        ("adaptive_avgpool(99991) -> conv(1, 3)", 1_000_000),
        ("maxpool(2) -> upsample(scale_factor=2.39)*4 -> avgpool(3)", 100_000),
        ("switches(9000) -> conv(1, 3)", 1_000_000),
    ],
)
def test_the_largest_networks_take_no_time(net: str, length: int) -> None:
    """What would take too long is given for the axis as a whole."""
    start = time.perf_counter()
    (field,) = of_output(network_of(f"'{net}'", f"[1, {length}]"))

    assert field.size <= length
    assert time.perf_counter() - start < 5


def test_a_wide_window_is_still_exact() -> None:
    """Tens of thousands of positions, through two layers."""
    (field,) = of_output(network_of("conv(1, 30000) -> conv(1, 3, dilation=10000)", "[1, 100000]"))

    assert (field.size, field.is_global) == (50_000, False)
