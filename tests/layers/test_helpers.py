"""The modules that torch lacks and netdsl prints, each against a formula of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS, LAYERS_BY_WORD
from netdsl.layers.reference import torch_calls
from tests.strategies import bind
from tests.torch_modules import build

HELPERS = {call.target: call.helper for layer in LAYERS for call in torch_calls(layer) if call.helper}


def module(shape: Shape, word: str, **values: object) -> nn.Module:
    """The module of a layer on a shape, its weights drawn so that none is 0 or 1."""
    built = build(bind(LAYERS_BY_WORD[word], values).torch(shape))
    for parameter in built.parameters():
        nn.init.normal_(parameter)
    return built


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 12, 6, 5)


SHAPE = Shape.of(12, 6, 5)


def test_linear_maps_the_channels_where_axes_stand_behind_them(x: torch.Tensor) -> None:
    linear = module(SHAPE, "linear", out_features=7)
    weight, bias = linear.parameters()
    expected = torch.einsum("nchw,oc->nohw", x, weight) + bias.view(7, 1, 1)

    torch.testing.assert_close(linear(x), expected)


def test_layernorm_normalises_every_position_over_the_channels(x: torch.Tensor) -> None:
    norm = module(SHAPE, "layernorm", eps=1e-3)
    centred = x - x.mean(1, keepdim=True)
    normal = centred / (centred.square().mean(1, keepdim=True) + 1e-3).sqrt()
    weight, bias = norm.parameters()
    expected = normal * weight.view(12, 1, 1) + bias.view(12, 1, 1)

    torch.testing.assert_close(norm(x), expected)


def test_maxout_takes_the_largest_of_neighbouring_channels(x: torch.Tensor) -> None:
    expected = torch.stack([x[:, 3 * i : 3 * i + 3].max(1).values for i in range(4)], 1)

    torch.testing.assert_close(module(SHAPE, "maxout", pieces=3)(x), expected)


def test_maxout_finds_the_channels_behind_other_axes(x: torch.Tensor) -> None:
    last = Shape.named("hwc", [6, 5, 12])
    expected = module(SHAPE, "maxout", pieces=2)(x).movedim(1, -1)

    torch.testing.assert_close(module(last, "maxout", pieces=2)(x.movedim(1, -1)), expected)


def test_rbf_is_the_squared_distance_to_each_centre() -> None:
    x = torch.randn(3, 84)
    rbf = module(Shape.of(84), "rbf", out_features=10)

    torch.testing.assert_close(rbf(x), torch.cdist(x, rbf.get_parameter("weight")).square())


def test_rbf_that_is_not_trained_keeps_codes_of_plus_and_minus_one() -> None:
    rbf = module(Shape.of(84), "rbf", out_features=10, trainable=False)

    assert list(rbf.parameters()) == []
    assert rbf.state_dict()["weight"].unique().tolist() == [-1, 1]


def test_affine_weights_every_channel_alone(x: torch.Tensor) -> None:
    affine = module(SHAPE, "affine")
    weight, bias = affine.parameters()
    expected = torch.stack([x[:, c] * weight[c] + bias[c] for c in range(12)], 1)

    torch.testing.assert_close(affine(x), expected)


def test_affine_starts_as_the_identity(x: torch.Tensor) -> None:
    affine = build(LAYERS_BY_WORD["affine"]().torch(SHAPE))

    assert torch.equal(affine(x), x)


def test_scale_starts_at_its_factor_and_scales_every_channel_alone(x: torch.Tensor) -> None:
    start = build(bind(LAYERS_BY_WORD["scale"], {"factor": 0.5}).torch(SHAPE))
    trained = module(SHAPE, "scale")

    torch.testing.assert_close(start(x), 0.5 * x)
    torch.testing.assert_close(trained(x), torch.einsum("nchw,c->nchw", x, trained.get_parameter("weight")))


def test_scale_by_a_constant_has_no_weights(x: torch.Tensor) -> None:
    scale = module(SHAPE, "scale", factor=0.2, trainable=False)

    assert list(scale.state_dict()) == []
    torch.testing.assert_close(scale(x), x * 0.2)


def test_drop_path_drops_whole_samples_and_scales_the_others_up() -> None:
    x = torch.rand(4000, 2, 3) + 1
    drop = module(Shape.of(2, 3), "drop_path", p=0.25)
    y = drop(x)
    dropped = (y == 0).all(2).all(1)

    torch.testing.assert_close(y[~dropped], x[~dropped] / 0.75)
    assert abs(dropped.float().mean().item() - 0.25) < 0.03
    assert torch.equal(drop.eval()(x), x)


def test_drop_path_can_drop_everything() -> None:
    x = torch.ones(8, 2, 3)

    assert torch.equal(module(Shape.of(2, 3), "drop_path", p=1)(x), torch.zeros_like(x))


def test_channels_takes_a_range_or_a_list(x: torch.Tensor) -> None:
    assert torch.equal(module(SHAPE, "channels", start=2, stop=7)(x), x[:, 2:7])
    assert torch.equal(module(SHAPE, "channels", start=(4, 5, 0))(x), x[:, [4, 5, 0]])


def test_channels_are_taken_where_they_stand(x: torch.Tensor) -> None:
    last = Shape.named("hwc", [6, 5, 12])
    behind = x.movedim(1, -1)

    assert torch.equal(module(last, "channels", start=2, stop=7)(behind), behind[..., 2:7])
    assert torch.equal(module(last, "channels", start=(4, 0))(behind), behind[..., [4, 0]])


def test_picked_channels_are_no_part_of_the_state() -> None:
    assert list(module(SHAPE, "channels", start=(4, 5, 0)).state_dict()) == []


def test_reshape_keeps_the_order_of_values(x: torch.Tensor) -> None:
    expected = x.view(2, 8, 9, 5)

    assert torch.equal(module(SHAPE, "reshape", sizes=(8, -1, 5))(x), expected)


def test_crop_takes_the_middle(x: torch.Tensor) -> None:
    padded = F.pad(x, (2, 2, 1, 1))

    assert torch.equal(module(Shape.of(12, 8, 9), "crop", size=(6, 5))(padded), x)


def test_crop_of_an_odd_rest_takes_one_more_from_the_far_side(x: torch.Tensor) -> None:
    assert torch.equal(module(SHAPE, "crop", size=3)(x), x[:, :, 1:4, 1:4])


def test_pad_adds_channels_beside_the_others(x: torch.Tensor) -> None:
    behind = module(SHAPE, "pad", channels=(0, 4))(x)
    around = module(SHAPE, "pad", padding=(1, 2, 0, 3), value=0.5, channels=2)(x)

    assert torch.equal(behind, torch.cat([x, torch.zeros(2, 4, 6, 5)], 1))
    assert around.shape == (2, 16, 9, 8)
    assert torch.equal(around[:, 2:14, 0:6, 1:6], x)
    assert (around[:, :2] == 0.5).all()
    assert (around[:, 14:] == 0.5).all()


def test_pools_read_none_as_the_size_that_is_there(x: torch.Tensor) -> None:
    pool = module(SHAPE, "adaptive_avgpool", output_size=(2, None))

    torch.testing.assert_close(pool(x), x.view(2, 12, 2, 3, 5).mean(3))


def test_every_helper_is_covered_here_or_against_einops() -> None:
    assert set(HELPERS) == {
        "Affine",
        "CenterCrop",
        "ChannelLayerNorm",
        "ChannelLinear",
        "ChannelPick",
        "ChannelRange",
        "ChannelScale",
        "ConstantPad",
        "ConstantScale",
        "DropPath",
        "Maxout",
        "RBF",
        "Rearrange",
        "Reshape",
        "Switches1d",
        "Switches2d",
        "Switches3d",
    }


def test_helpers_are_formatted_as_printed_source_is() -> None:
    """One file of all of them passes ruff's formatter at its own width, and its linter."""
    source = "import math\n\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\n"
    source += "\n\n".join(HELPERS.values())
    for command in (["format", "--check", "--diff"], ["check", "--select=E,F,B,UP,SIM,RET", "--quiet"]):
        options = ["--isolated", "--line-length=88", "--stdin-filename=helpers.py", "-"]
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )

        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding"),
    [((2, 2), None, (0, 0)), ((3, 3), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 0)), ((2, 2), (3, 3), (0, 0))],
)
def test_switches_are_where_torch_would_unpool_to(
    x: torch.Tensor, kernel_size: tuple[int, int], stride: tuple[int, int] | None, padding: tuple[int, int]
) -> None:
    switches = module(SHAPE, "switches", kernel_size=kernel_size, stride=stride, padding=padding)
    pooled, places = F.max_pool2d(x, kernel_size, stride, padding, return_indices=True)
    expected = F.max_unpool2d(torch.ones_like(pooled), places, kernel_size, stride, padding, x.shape[2:])

    assert torch.equal(switches(x), expected)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 5, 6, 7)])
def test_switches_are_found_along_one_and_three_axes(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    switches = module(Shape.of(*shape[1:]), "switches", kernel_size=2)(x)
    pool = F.max_pool1d if len(shape) == 3 else F.max_pool3d

    assert torch.equal(x[switches == 1].sort().values, pool(x, 2).flatten().sort().values)
