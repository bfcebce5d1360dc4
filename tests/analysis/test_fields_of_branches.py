"""Receptive fields of networks with branches, along both axes, held against measured gradients."""

from __future__ import annotations

import pytest

from tests.analysis.test_receptive_field import linear_twin, network_of, of_output, seen

SHAPE = (3, 96, 80)

NETWORKS = {
    "residual": "conv(4, 1) -> (id + (conv(4, 3, padding=1) -> relu -> conv(4, 3, padding=1)))*2",
    "projection": "conv(4, 3, stride=2, padding=1)"
    " -> (conv(8, 1, stride=2) + conv(8, 3, stride=2, padding=1))",
    "inception": "(conv(4, 1) | (conv(4, 1) -> conv(4, 3, padding=1)) | (conv(4, 1) -> conv(4, 5, padding=2))"
    " | (avgpool(3, stride=1, padding=1) -> conv(4, 1)))*2",
    "dense": "conv(4, 3, padding=1) -> (id | (relu -> conv(4, 3, padding=1)))*3",
    "skips": "\n  a: conv(4, 3, padding=1)\n  b: avgpool(2) -> conv(4, 3, padding=1)\n"
    "  c: upsample(scale_factor=2) | from(a)\n  d: conv(4, 3, padding=1)",
    "two levels of skips": "\n  a: conv(2, 3, padding=1)\n  b: avgpool(2) -> conv(4, 3, padding=1)\n"
    "  c: avgpool(2) -> conv(8, 3, padding=1)\n  d: conv_transpose(4, 2, stride=2) | from(b)\n"
    "  e: conv(4, 3, padding=1) -> conv_transpose(2, 4, stride=2, padding=1)\n  f: from(e) + from(a)",
    "dilated pyramid": "concat(conv(2, 3, dilation=n, padding=n) for n in [1, 4, 7])"
    " -> conv(4, 3, padding=1)",
    "one axis each": "conv(4, [1, 7], padding=[0, 3]) + (conv(4, [5, 1], padding=[2, 0]) -> relu)",
    "gate": "conv(4, 1) -> id * (conv(4, 5, padding=2) -> sigmoid) -> conv(4, 3, padding=1)",
    "three ways down": "(conv(4, 3, stride=2, padding=1) | avgpool(2) | conv(4, 6, stride=2, padding=2))"
    " -> conv(4, 3, stride=[2, 1], padding=1)",
    "branch in a branch": "conv(2, 1)"
    " -> id + (conv(2, 3, padding=1) -> id + conv(2, [9, 3], padding=[4, 1]))",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_fields_are_the_support_of_gradients(name: str) -> None:
    """First and last position, of five neighbouring units in the middle of each axis."""
    net = NETWORKS[name]
    network = network_of(net if net.startswith("\n") else f"'{net}'", str(list(SHAPE)))
    model = linear_twin(network)
    for axis, field in enumerate(of_output(network), 1):
        assert field.stride is not None
        middle = int(network.graph.output.sizes[axis]) // 2
        for unit in range(middle - 2, middle + 3):
            times, phase = divmod(unit, len(field.first))
            moved = int(field.stride * len(field.first)) * times
            first, last = field.first[phase] + moved, field.last[phase] + moved
            assert 0 < first <= last < SHAPE[axis] - 1
            assert seen(model, SHAPE, unit, axis) == (first, last)
