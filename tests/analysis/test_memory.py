"""Memory, held against what torch keeps and holds alive on the CPU."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, note, settings

from netdsl.analysis.memory import Amount, memory_of
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source, compile_spec
from netdsl.diagnostics import Source
from netdsl.graph.graph import Merge, Network, walk
from tests.analysis.memory_in_torch import inputs_of, kept_bytes, leaf_paths, live_bytes
from tests.properties.networks import Drawn, networks

SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@given(networks())
@SETTINGS
def test_what_autograd_keeps_is_what_is_told(drawn: Drawn) -> None:
    """To the byte, for any network and two batches."""
    note(drawn.text)
    network = compile_source(Source("drawn.yaml", drawn.text)).network
    assert network is not None
    model = build_module(network).train()
    memory = memory_of(network, device="cpu")
    for batch in (2, 3):
        assert kept_bytes(model, inputs_of(network, batch)) == memory.kept.of(batch)


def merges_early(network: Network) -> bool:
    """Whether some operator has three operands, of which Python may merge two before it has the third."""
    return any(
        isinstance(step.node.operation, Merge)
        and step.node.operation.kind != "concat"
        and len(step.node.inputs) > 2
        for step in walk(network.graph)
    )


@given(networks())
@SETTINGS
def test_what_lives_at_once_is_what_is_told(drawn: Drawn) -> None:
    """The peak is that of a run in which every tensor is freed behind its last reader."""
    note(drawn.text)
    network = compile_source(Source("drawn.yaml", drawn.text)).network
    assert network is not None
    seen = live_bytes(build_module(network), inputs_of(network, 2), leaf_paths(network))
    told = memory_of(network).live.of(2)

    assert seen <= told if merges_early(network) else seen == told


@pytest.mark.parametrize(
    ("net", "each", "once"),
    [
        ("conv(4, 3, bias=false)", 3 * 64, 0),
        ("conv(4, 1) -> relu", 3 * 64 + 4 * 64, 0),
        ("conv(4, 1) -> relu -> conv(4, 1)", 3 * 64 + 4 * 64, 0),
        ("conv(4, 1) -> sigmoid -> tanh", 3 * 64 + 2 * 4 * 64, 0),
        ("conv(4, 1) -> silu -> conv(4, 1)", 3 * 64 + 2 * 4 * 64, 0),
        ("conv(4, 1) -> batchnorm", 3 * 64 + 4 * 64, 8),
        ("conv(4, 1) -> maxpool(2)", 3 * 64 + 4 * 64 + 2 * 4 * 16, 0),
        ("conv(4, 1) -> global_avgpool -> flatten", 3 * 64, 0),
        ("conv(4, 1) -> flatten -> linear(2)", 3 * 64 + 4 * 64, 0),
        ("id * sigmoid -> relu", 0, 0),
        ("conv(3, 1) -> id + conv(3, 1)", 2 * 3 * 64, 0),
        ("conv(3, 1) -> id * sigmoid", 3 * 3 * 64, 0),
        ("conv(3, 1) -> x * id", 3 * 64, 0),
        ("conv(4, 1) -> relu -> switches(2)", 0, 0),
        ("conv(4, 1) -> relu -> id * switches(2)", 3 * 64 + 2 * 4 * 64, 0),
        ("conv(4, 1) -> relu -> id * (conv(4, 1) -> tanh -> switches(2))", 3 * 64 + 2 * 4 * 64, 0),
    ],
)
def test_what_is_kept_can_be_counted_by_hand(net: str, each: int, once: int) -> None:
    """Values of four bytes of an input 3×8×8; what nothing trained stands before keeps nothing,
    nor does what no gradient comes back to."""
    source = Source("net.yaml", f"name: net\ninput: [3, 8, 8]\nnet: '{net}'\n")
    network = compile_source(source).network
    assert network is not None

    assert memory_of(network).kept == Amount(4 * each, 4 * once)


@pytest.mark.parametrize(
    ("net", "values"), [("relu * 0", 192), ("conv(4, 1)", 192 + 256), ("relu -> tanh", 3 * 192)]
)
def test_what_lives_can_be_counted_by_hand(net: str, values: int) -> None:
    """Of an input 3×8×8, which stays; also where no layer reads it. Torch and the figure say the same."""
    source = Source("net.yaml", f"name: net\ninput: [3, 8, 8]\nnet: '{net}'\n")
    network = compile_source(source).network
    assert network is not None

    assert memory_of(network).live == Amount(4 * values)
    assert live_bytes(build_module(network), inputs_of(network, 2), leaf_paths(network)) == 2 * 4 * values


def test_a_mask_is_a_byte_on_a_gpu_and_a_number_on_the_cpu() -> None:
    """Torch's fused dropout on the GPU keeps booleans; elsewhere it keeps the noise itself."""
    source = Source("net.yaml", "name: net\ninput: [10]\nnet: linear(100) -> dropout\n")
    network = compile_source(source).network
    assert network is not None

    assert memory_of(network, device="cpu").kept.each == 4 * 10 + 4 * 100
    assert memory_of(network, device="cuda").kept.each == 4 * 10 + 100


def test_a_training_step_adds_gradients_and_the_optimizer_s_state() -> None:
    """Parameters, as many gradients, and what the optimizer remembers of each, in single precision."""
    network = compile_spec("lenet5").network
    assert network is not None
    memory = memory_of(network, states=2)
    parameters = 4 * network.costs.params

    assert memory.training(1) == 4 * parameters + memory.training_activations(1)
    assert memory.inference(1) == parameters + memory.live.of(1)
    assert memory_of(network, "bf16").live.each * 2 == memory.live.each


def test_a_budget_holds_its_batch_and_not_one_more() -> None:
    """The largest batch is the last that fits."""
    network = compile_spec("resnet18").network
    assert network is not None
    memory = memory_of(network, states=1)
    for total, training in ((memory.inference, False), (memory.training, True)):
        batch = memory.largest_batch(2**30, training=training)

        assert total(batch) <= 2**30 < total(batch + 1)
        assert memory.largest_batch(1000, training=training) == 0


def test_a_training_step_holds_no_less_than_inference() -> None:
    """What lives at once lives in the forward pass of training too, though little may be kept of it."""
    network = compile_spec("lenet5").network
    assert network is not None
    memory = memory_of(network)

    assert memory.kept.of(64) < memory.live.of(64) == memory.training_activations(64)
