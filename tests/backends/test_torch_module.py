"""What a printed network does: it runs as the graph says, and honours every argument or refuses it."""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, event, given, note, settings
from torch import Tensor, nn
from torchvision.models import densenet169

import netdsl
from netdsl.backends.python_source import print_source
from netdsl.backends.torch_module import build_module, load_class
from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Leaf, Network, walk
from tests.backends.drawn import specs
from tests.backends.interpreter import run
from tests.backends.networks import SPECS, network, printed

OTHER_VALUES = (1, 3)
"""What parameters are set to instead of their defaults."""


def samples(net: Network) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, *map(int, shape.sizes), generator=generator) for shape in net.graph.inputs]


def outputs(module: Callable[..., Any], inputs: list[Tensor]) -> dict[str, Tensor]:
    """What a module gives, as a dictionary in any case."""
    with torch.no_grad():
        given = module(*inputs)
    return given if isinstance(given, dict) else {"output": given}


def check(net: Network, source: str) -> None:
    """The module's paths, parameters and outputs are those of the graph; while training as well, where the
    order of the layers decides what dropout drops."""
    kind = load_class(source, net.name)
    has_training_heads = any(not head.keep for head in net.heads)
    module = (kind(heads=True) if has_training_heads else kind()).eval()
    for step in walk(net.graph):
        if isinstance(step.node.operation, Leaf):
            call = step.node.operation.layer.torch(step.input)
            assert type(module.get_submodule(step.path)).__name__ == call.target.removeprefix("nn.")
    training = sum(head.node.costs.params for head in net.heads if not head.keep)
    assert sum(parameter.numel() for parameter in module.parameters()) == net.costs.params + training

    given, expected = outputs(module, samples(net)), run(net, module, samples(net))
    kept = ["output", *(head.name for head in net.heads if head.keep)]
    assert list(given) == kept
    assert all(torch.equal(given[name], expected[name]) for name in kept)
    assert tuple(given["output"].shape[1:]) == tuple(map(int, net.graph.output.sizes))
    torch.manual_seed(1)
    given = outputs(module.train(), samples(net))
    torch.manual_seed(1)
    expected = run(net, module, samples(net))
    assert given.keys() == expected.keys()
    assert all(torch.equal(given[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", SPECS)
def test_a_printed_network_computes_what_its_graph_says(name: str) -> None:
    check(network(SPECS[name]), printed(SPECS[name]))


SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


@given(specs())
@SETTINGS
def test_any_network_computes_what_its_graph_says_and_honours_its_arguments(text: str) -> None:
    """Random blocks: bit for bit what the graph says, and with another argument either what the spec says
    with that parameter, or an error; never silently something else."""
    note(text)
    compilation = compile_source(Source("drawn.yaml", text), {})
    net = compilation.network
    if net is None or net.costs.layers > 400 or net.costs.params > 300_000:
        event("refused or large")
        return
    source = print_source(net)
    note(source)
    check(net, source)
    kind = load_class(source, net.name)
    for name in inspect.signature(kind).parameters:
        for value in OTHER_VALUES if name != "heads" else ():
            _honours(kind, text, name, value, net)


def _honours(kind: type[nn.Module], text: str, name: str, value: int, net: Network) -> None:
    try:
        module = kind(**{name: value}).eval()
        given = outputs(module, samples(net))
    except (AssertionError, RuntimeError, ValueError, ZeroDivisionError):
        event("an argument is refused")
        return
    compilation = compile_source(Source("drawn.yaml", text), {name: str(value)})
    if compilation.network is None:
        # the checker is stricter than torch about numbers that make no sense
        assert {d.code for d in compilation.report.diagnostics} <= {"argument-range", "repeat-count"}
        return
    reference = build_module(compilation.network).eval()
    # a shared module that is repeated 0 times is there, and the spec has none
    missing, surplus = reference.load_state_dict(module.state_dict(), strict=False)
    assert not missing
    assert all(key.startswith("core.") for key in surplus)
    expected = outputs(reference, samples(net))
    event("an argument is honoured")
    assert all(torch.equal(given[key], expected[key]) for key in expected)


def test_another_depth_is_another_known_network() -> None:
    """DenseNet-121's class with other depths is torchvision's DenseNet-169, parameter for parameter."""
    densenet = load_class(netdsl.emit("densenet121"), "densenet121")
    with torch.device("meta"):
        module, reference = densenet(depths=(6, 12, 32, 32)), densenet169()

    shapes = [parameter.shape for parameter in module.parameters()]
    assert shapes == [parameter.shape for parameter in reference.parameters()]


def test_arguments_for_another_layout_are_refused() -> None:
    resnet = load_class(netdsl.emit("resnet18"), "resnet18")

    with torch.device("meta"), pytest.raises(AssertionError, match="other arguments need another layout"):
        resnet(depths=(2, 2, 2))


def test_a_single_repeat_is_not_made_twice_where_the_second_would_see_another_shape() -> None:
    """linear(4) on 8 is another module than linear(4) on 4, so the count is no free argument."""
    text = "name: net\ninput: [8]\nparams: {n: 1}\nnet: (linear(4) -> relu)*n -> linear(2)\n"
    changing, keeping = (load_class(printed(spec), "net") for spec in (text, text.replace("[8]", "[4]")))

    assert keeping(n=2)(torch.ones(1, 4)).shape == (1, 2)
    with pytest.raises(AssertionError, match="other arguments need another layout"):
        changing(n=2)


def test_training_heads_are_there_only_where_they_are_built() -> None:
    text = SPECS["heads"].replace("keep: true, ", "")
    net = network(text)
    plain, full = build_module(net).train(), build_module(net, heads=True)

    assert set(outputs(plain, samples(net))) == {"output"}
    assert not hasattr(plain, "aux")
    assert set(outputs(full.train(), samples(net))) == {"output", "aux", "embedding"}
    assert set(outputs(full.eval(), samples(net))) == {"output"}


def test_building_with_heads_is_fine_where_there_are_none() -> None:
    assert isinstance(build_module(network(SPECS["unet"]), heads=True), nn.Module)


def test_shared_modules_share_their_weights() -> None:
    """Both branches of a siamese network move with one weight, and the state dict holds it once."""
    net = network(SPECS["siamese"])
    module = build_module(net).eval()

    assert [name for name in module.state_dict() if "conv" in name] == [
        "tower.conv1.weight",
        "tower.conv1.bias",
    ]


def test_tracebacks_show_the_printed_lines() -> None:
    module = build_module(network(SPECS["unet"]))
    try:
        module(torch.zeros(1, 5, 16, 16))
    except RuntimeError as error:
        shown = "".join(traceback.format_exception(error))

    assert "<netdsl Unet " in shown
    assert "enc1 = self.enc1(x)  # 4×16×16" in shown


def test_two_networks_of_one_name_keep_their_own_lines() -> None:
    first = load_class(printed(SPECS["unet"]), "unet")
    second = load_class(printed(SPECS["unet"], width="8"), "unet")

    assert first.forward.__code__.co_filename != second.forward.__code__.co_filename
    assert "# 4×16×16" in inspect.getsource(first.forward)
    assert "# 8×16×16" in inspect.getsource(second.forward)


def test_a_module_can_be_copied_and_compiled() -> None:
    """Averaged weights copy a module; `torch.compile` traces it whole, without a break."""
    net = network(SPECS["choices"])
    module = build_module(net).eval()
    compiled = torch.compile(copy.deepcopy(module), backend="eager", fullgraph=True)

    assert torch.equal(outputs(compiled, samples(net))["output"], outputs(module, samples(net))["output"])


def test_a_choice_that_takes_x_on_both_sides_leaves_the_tensor_before_it() -> None:
    """`x` passes by what stands before the choice, which runs all the same."""
    text = "name: net\ninput: [3, 4, 4]\nblocks:\n  b(c): relu -> (x if x.c == c else x)\n"
    compilation = compile_source(Source("net.yaml", text + "net: b(3) -> conv(4, 1) -> b(3)\n"))
    assert compilation.network is not None
    module = build_module(compilation.network)
    sample = torch.randn(2, 3, 4, 4)

    assert torch.equal(module(sample), module.get_submodule("conv1")(sample))
