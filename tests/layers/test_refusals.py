"""What each layer refuses, beside the nearest thing that it takes: one line per rule."""

from __future__ import annotations

from typing import Any

import pytest

from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS_BY_WORD
from netdsl.layers.layer import Problem
from tests.strategies import bind

SEQUENCE, PLANE, VOLUME, FLAT = Shape.of(8, 9), Shape.of(8, 6, 5), Shape.of(8, 4, 6, 5), Shape.of(8)
LAST, NAMELESS = Shape.named("hwc", [6, 5, 8]), Shape.named(["hw", "t"], [30, 8])

REQUIRED: dict[str, dict[str, Any]] = {
    "conv": {"out_channels": 16, "kernel_size": 3},
    "conv_transpose": {"out_channels": 16, "kernel_size": 3},
    "depthwise": {"kernel_size": 3},
    "maxpool": {"kernel_size": 3},
    "avgpool": {"kernel_size": 3},
    "linear": {"out_features": 4},
    "rbf": {"out_features": 4},
}
"""Arguments that a case leaves unsaid."""

Values = dict[str, Any]


def problems(word: str, values: Values, input: Shape) -> list[Problem]:
    return list(bind(LAYERS_BY_WORD[word], {**REQUIRED.get(word, {}), **values}).problems(input))


# The code, the layer, arguments that are refused, arguments that are taken; on a plane of 8×6×5.
ARGUMENT_RULES: list[tuple[str, str, Values, Values]] = [
    ("per-axis-length", "conv", {"stride": (1, 1, 1)}, {"stride": (1, 1)}),
    ("per-axis-length", "upsample", {"scale_factor": (2,)}, {"scale_factor": (2, 2)}),
    ("groups-divide", "conv", {"groups": 3}, {"groups": 4}),
    ("groups-divide", "conv", {"groups": 2, "out_channels": 15}, {"groups": 2, "out_channels": 14}),
    ("groups-divide", "conv_transpose", {"groups": 16}, {"groups": 8}),
    ("groups-divide", "groupnorm", {"num_groups": 3}, {"num_groups": 2}),
    ("groups-divide", "channel_shuffle", {"groups": 3}, {"groups": 4}),
    ("groups-divide", "maxout", {"pieces": 5}, {"pieces": 4}),
    ("kernel-larger-than-input", "conv", {"kernel_size": (3, 6)}, {"kernel_size": (6, 5)}),
    ("kernel-larger-than-input", "depthwise", {"dilation": 3}, {"dilation": 2}),
    ("kernel-larger-than-input", "maxpool", {"kernel_size": 6}, {"kernel_size": 5}),
    ("same-padding-stride", "conv", {"padding": "same", "stride": 2}, {"padding": "same"}),
    ("padding-too-large", "conv", {"padding": 5, "padding_mode": "reflect"}, {"padding": 5}),
    ("padding-too-large", "conv", {"padding": 6, "padding_mode": "circular"}, {"padding": 6}),
    ("padding-too-large", "conv_transpose", {"padding": 4}, {"padding": 3}),
    ("padding-too-large", "pad", {"padding": 5, "mode": "reflect"}, {"padding": 4, "mode": "reflect"}),
    (
        "output-padding-too-large",
        "conv_transpose",
        {"stride": 2, "output_padding": 2},
        {"stride": 2, "output_padding": 1},
    ),
    ("pool-padding", "maxpool", {"padding": 2}, {"padding": 1}),
    ("prelu-slopes", "prelu", {"num_parameters": 4}, {"num_parameters": 8}),
    ("no-such-dim", "softmax", {"dim": 0}, {"dim": -3}),
    ("no-such-dim", "flatten", {"end_dim": 4}, {"end_dim": 3}),
    ("no-such-dim", "flatten", {"start_dim": -4}, {"start_dim": -2}),
    ("flatten-order", "flatten", {"start_dim": 3, "end_dim": 2}, {"start_dim": 2, "end_dim": 2}),
    ("reshape-elements", "reshape", {"sizes": (7, -1)}, {"sizes": (6, -1)}),
    ("reshape-elements", "reshape", {"sizes": (8, 5, 5)}, {"sizes": (8, 5, 6)}),
    ("reshape-sizes", "reshape", {"sizes": (-1, -1)}, {"sizes": (-1, 1)}),
    ("reshape-sizes", "reshape", {"sizes": (0, 240)}, {"sizes": (1, 240)}),
    ("reshape-sizes", "reshape", {"sizes": (8, 6, 5, 1, 1)}, {"sizes": (8, 6, 5, 1)}),
    ("pixel-shuffle-channels", "pixel_shuffle", {"upscale_factor": 3}, {"upscale_factor": 2}),
    ("channel-range", "channels", {"start": 3}, {"start": (3,)}),
    ("channel-range", "channels", {"start": 3, "stop": 3}, {"start": 3, "stop": 4}),
    ("channel-range", "channels", {"start": (3,), "stop": 4}, {"start": (3, 3)}),
    ("no-such-channel", "channels", {"start": 0, "stop": 9}, {"start": 0, "stop": 8}),
    ("no-such-channel", "channels", {"start": (0, 8)}, {"start": (7, 0)}),
    ("upsample-size", "upsample", {}, {"size": 7}),
    ("upsample-size", "upsample", {"size": 7, "scale_factor": 2}, {"scale_factor": 2}),
    ("upsample-to-nothing", "upsample", {"scale_factor": 0.19}, {"scale_factor": 0.2}),
    ("upsample-mode", "upsample", {"size": 7, "mode": "linear"}, {"size": 7, "mode": "bilinear"}),
    ("align-corners", "upsample", {"size": 7, "align_corners": True}, {"size": 7}),
    ("pad-length", "pad", {"padding": (1, 1)}, {"padding": (1, 1, 0, 0)}),
    ("pad-value", "pad", {"padding": 1, "mode": "reflect", "value": 1.0}, {"padding": 1, "value": 1.0}),
    ("pad-channels", "pad", {"channels": (1, 2, 3)}, {"channels": (1, 2)}),
    ("pad-channels", "pad", {"channels": 1, "mode": "replicate"}, {"channels": 0, "mode": "replicate"}),
    ("crop-larger-than-input", "crop", {"size": 6}, {"size": (6, 5)}),
]

# The code, the layer and its arguments, an input that is refused, an input that is taken.
INPUT_RULES: list[tuple[str, str, Values, Shape, Shape]] = [
    ("spatial-axes", "conv", {}, FLAT, SEQUENCE),
    ("spatial-axes", "rbf", {}, PLANE, FLAT),
    ("spatial-axes", "pixel_shuffle", {"upscale_factor": 2}, VOLUME, PLANE),
    ("channels-not-first", "conv", {}, LAST, PLANE),
    ("channels-not-first", "prelu", {"num_parameters": 8}, LAST, PLANE),
    ("no-channels", "linear", {}, NAMELESS, LAST),
    ("no-channels", "conv", {}, NAMELESS, PLANE),
    ("no-channels", "softmax", {}, NAMELESS, LAST),
    ("per-axis-length", "maxpool", {"stride": (2, 2)}, SEQUENCE, PLANE),
    ("kernel-larger-than-input", "avgpool", {"kernel_size": 6, "padding": 3}, VOLUME, PLANE),
    ("no-divisor-override", "avgpool", {"divisor_override": 2}, SEQUENCE, PLANE),
    ("one-value-to-normalize", "instancenorm", {}, Shape.of(8, 1, 1), Shape.of(8, 1, 2)),
    ("axis-name-clash", "flatten", {"start_dim": 2}, Shape.named(["hw", "h", "w"], [2, 3, 4]), PLANE),
]

REFUSED = [
    *((code, word, refused, PLANE) for code, word, refused, _ in ARGUMENT_RULES),
    *((code, word, values, refused) for code, word, values, refused, _ in INPUT_RULES),
]
TAKEN = [
    *((word, taken, PLANE) for _, word, _, taken in ARGUMENT_RULES),
    *((word, values, taken) for _, word, values, _, taken in INPUT_RULES),
]


@pytest.mark.parametrize(("code", "word", "values", "input"), REFUSED)
def test_a_rule_refuses_its_case(code: str, word: str, values: Values, input: Shape) -> None:
    assert {problem.code for problem in problems(word, values, input)} == {code}


@pytest.mark.parametrize(("word", "values", "input"), TAKEN)
def test_a_rule_takes_what_stands_just_beside_it(word: str, values: Values, input: Shape) -> None:
    assert problems(word, values, input) == []


@pytest.mark.parametrize(("code", "word", "values", "input"), REFUSED)
def test_a_refusal_offers_a_remedy_and_points_at_what_exists(
    code: str, word: str, values: Values, input: Shape
) -> None:
    for problem in problems(word, values, input):
        assert problem.help
        assert problem.argument is None or problem.argument in LAYERS_BY_WORD[word].arguments()
        assert set(problem.axes) <= set(input.names)
        assert problem.message[0].islower() or problem.message.startswith("`")
        assert not problem.message.endswith(".")


@pytest.mark.parametrize(
    ("word", "values", "input", "message", "help"),
    [
        ("conv", {"kernel_size": 7}, SEQUENCE.with_sizes(w=5),
         "a kernel that reaches over 7 does not fit into width 5",
         "use a kernel of at most 5, or more padding"),
        ("conv", {"dilation": 4, "padding": 1}, SEQUENCE.with_sizes(w=5),
         "a kernel that reaches over 9 does not fit into width 5 (with 2 of padding)",
         "use a kernel of at most 2, or more padding"),
        ("conv", {"groups": 3, "out_channels": 15}, PLANE,
         "`conv` cannot split 8 input channels into 3 groups",
         "8 divides by 1, 2, 4, 8; try `groups=4`"),
        ("linear", {}, NAMELESS,
         "`linear` acts on the channels, the input's axes are `hw t`",
         ('say which axis they are: `rearrange("hw t -> …")` with an axis `c`, '
          'or `rearrange("hw c -> hw c")` to call the last one so')),
        ("conv", {}, LAST,
         "`conv` needs the channels first, the input's axes are `h w c`",
         'put `rearrange("h w c -> c h w")` before it'),
        ("conv", {}, FLAT,
         "`conv` needs 1, 2 or 3 spatial axes behind the channels, the input 8 has 0",
         "the input is already flat: put the layer before `flatten`"),
        ("channels", {"start": 3}, PLANE,
         "`channels(3)` does not say where the range ends",
         ("write `channels(3, 8)` for those from it on, `channels(0, 3)` for those before it, "
          "`channels([3])` for it alone")),
    ],
)  # fmt: skip
def test_messages_say_what_is_wrong_and_what_to_write(
    word: str, values: Values, input: Shape, message: str, help: str
) -> None:
    [problem] = problems(word, values, input)

    assert (problem.message, problem.help) == (message, help)


def test_the_advised_rearrangement_is_a_pattern_that_helps() -> None:
    [problem] = problems("conv", {}, LAST)
    pattern = str(problem.help).split('"')[1]
    moved = bind(LAYERS_BY_WORD["rearrange"], {"pattern": pattern})

    assert list(moved.problems(LAST)) == []
    assert problems("conv", {}, moved.output(LAST)) == []


def test_the_advised_divisors_of_a_great_number_are_found_at_once() -> None:
    """Groups of two thousand million channels are refused as quickly as those of eight."""
    [problem] = problems("conv", {"groups": 2**31 - 2, "out_channels": 2**31 - 2}, Shape.of(2**31 - 1, 8))

    assert str(problem.help).startswith("2147483647 divides by 1, 2147483647")
