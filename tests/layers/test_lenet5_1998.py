"""LeNet-5 as it was printed: the layers that only it needs, put together, come to its published figures."""

from __future__ import annotations

from netdsl.compiler import compile_source
from netdsl.diagnostics import Source

SPEC = """\
name: lenet5_1998
input: [1, 32, 32]
params:
  table: # LeCun et al. 1998, table I: the maps of S2 that each map of C3 sees
    - [0, 1, 2]
    - [1, 2, 3]
    - [2, 3, 4]
    - [3, 4, 5]
    - [0, 4, 5]
    - [0, 1, 5]
    - [0, 1, 2, 3]
    - [1, 2, 3, 4]
    - [2, 3, 4, 5]
    - [0, 3, 4, 5]
    - [0, 1, 4, 5]
    - [0, 1, 2, 5]
    - [0, 1, 3, 4]
    - [1, 2, 4, 5]
    - [0, 2, 3, 5]
    - [0, 1, 2, 3, 4, 5]
net:
  C1: conv(6, 5)
  S2: avgpool(2) -> affine -> tanh
  C3: concat(channels(maps) -> conv(1, 5) for maps in table)
  S4: avgpool(2) -> affine -> tanh
  C5: conv(120, 5) -> tanh -> flatten
  F6: linear(84) -> tanh
  F7: rbf(10, trainable=false)
"""


def test_lenet5_has_sixty_thousand_trainable_parameters() -> None:
    """156 + 12 + 1,516 + 32 + 48,120 + 10,164, as section II.B gives them layer by layer."""
    report = compile_source(Source("lenet5_1998.yaml", SPEC)).report

    assert {stage.name: stage.params for stage in report.stages} == {
        "C1": 156,
        "S2": 12,
        "C3": 1516,
        "S4": 32,
        "C5": 48_120,
        "F6": 10_164,
        "F7": 0,
    }
    assert (report.params, report.output) == (60_000, (10,))
