"""Laws that hold for every network: what the checker infers is what torch does on the CPU."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import torch
from hypothesis import HealthCheck, event, given, note, settings

from netdsl.backends.torch_module import build_module
from netdsl.compiler import Compilation, compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Fan, Leaf, Merge, walk
from netdsl.graph.shapes import Shape
from tests.properties.measure import measure
from tests.properties.networks import Drawn, neighbours, networks
from tests.stricter_rules import STRICTER

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))


def compiled(drawn: Drawn) -> Compilation:
    return compile_source(Source("drawn.yaml", drawn.text))


@given(networks())
@settings(SETTINGS, max_examples=300)
def test_what_is_inferred_is_what_torch_does(drawn: Drawn) -> None:
    """Shapes, parameters and MACs of every node equal torch's; forward and backward run in train mode."""
    note(drawn.text)
    compilation = compiled(drawn)
    report = compilation.report

    assert [f"{d.code}: {d.message}" for d in report.diagnostics] == []
    assert compilation.network is not None

    model = build_module(compilation.network)
    leaves = [step for step in walk(compilation.network.graph) if isinstance(step.node.operation, Leaf)]
    seen = measure(model, [tuple(map(int, drawn.input.sizes))], {step.path for step in leaves})

    paths = [step.path for step in leaves]
    assert [entry for entry in seen.outputs if entry[0] in paths] == [
        (node.path, node.output) for node in report.nodes if node.path in paths
    ]
    assert sorted(entry for entry in seen.outputs if entry[0] not in paths) == sorted(_merges(compilation))
    assert seen.output == report.output
    assert sum(parameter.numel() for parameter in model.parameters()) == report.params
    for node in report.nodes:
        if node.path in {step.path for step in leaves}:
            module = model.get_submodule(node.path)
            assert sum(parameter.numel() for parameter in module.parameters()) == node.params
            assert seen.macs.get(node.path, 0) == node.macs
    assert sum(seen.macs.get(step.path, 0) for step in leaves) == report.macs
    event(f"layers: {min(30, 5 * ((report.layers or 0) // 5))}")


def _merges(compilation: Compilation) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Kind and output of every operator: torch adds three tensors by two additions. Their order is not held
    against the checker, since Python evaluates `a - b - (c + d)` from the left."""
    assert compilation.network is not None
    for step in walk(compilation.network.graph):
        operation = step.node.operation
        if isinstance(operation, Merge | Fan):
            operands = len(step.node.inputs) if isinstance(operation, Merge) else len(operation.children)
            for _ in range(1 if operation.kind == "concat" else operands - 1):
                yield operation.kind, tuple(map(int, step.node.output.sizes))


NEIGHBOURS = 8
"""Mutants of one network, if it has as many; to draw a network takes longer than to change it."""


@given(neighbours(NEIGHBOURS))
@settings(SETTINGS, max_examples=280)
def test_accepted_means_torch_runs_it_and_refused_that_torch_fails(mutants: list[Drawn]) -> None:
    """2,000 mutants: accepted ones run, refused ones fail in torch or by a documented stricter rule."""
    for mutant in mutants:
        hold_against_torch(mutant)


def hold_against_torch(drawn: Drawn) -> None:
    """A text is accepted if torch runs its network in train and in eval mode, and otherwise refused."""
    note(drawn.text)
    compilation = compiled(drawn)
    if compilation.report.ok:
        event("accepted")
        assert outputs(compilation, drawn.input) == {compilation.report.output}
        return
    codes = {diagnostic.code for diagnostic in compilation.report.diagnostics}
    note(str(codes))
    if codes & (set(STRICTER) | ABOUT_THE_LANGUAGE) or _asks_for_nothing(compilation):
        event("refused, though torch may run it or has no word for it")
        return
    event("refused")
    with unchecked():
        try:
            unguarded = compiled(drawn)
        except (ArithmeticError, KeyError, IndexError, TypeError, ValueError):
            return  # without its guards netdsl itself cannot make sense of it
    if unguarded.network is None or any(size < 1 for node in unguarded.report.nodes for size in node.output):
        return
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError, AssertionError)):
        outputs(unguarded, drawn.input)


def outputs(compilation: Compilation, input: Shape) -> set[tuple[int, ...]]:
    """What comes out of a batch of two, in train mode with the backward pass and in eval mode."""
    assert compilation.network is not None
    model = build_module(compilation.network)
    batch = torch.randn(2, *map(int, input.sizes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice about odd arguments
        trained = model.train()(batch)
        if trained.requires_grad:
            trained.sum().backward()
        with torch.no_grad():
            evaluated = model.eval()(batch)
    return {tuple(trained.shape[1:]), tuple(evaluated.shape[1:])}


_ZERO = re.compile(r"\b0\b")


def _asks_for_nothing(compilation: Compilation) -> bool:
    """Whether a size of 0 is refused: torch makes layers without channels or elements, with a warning."""
    found = compilation.report.diagnostics
    return any(d.code == "argument-range" and _ZERO.search(d.message.rpartition(" not ")[2]) for d in found)


ABOUT_THE_LANGUAGE = {
    "operands",
    "expected-layer",
    "index-range",
    "repeat-count",
    "number-too-large",
    "unknown-stage",
}
"""Faults of a text that means nothing to torch either way."""


@contextmanager
def unchecked() -> Iterator[None]:
    """netdsl without its rules about arguments and inputs, to ask torch alone."""
    with (
        patch("netdsl.layers.layer.Layer.problems", lambda *_: iter(())),
        patch("netdsl.layers.arguments.Argument.read", lambda _, value: value),
        patch("netdsl.analysis.compound_walk.merge_problems", lambda *_: iter(())),
    ):
        yield


@given(networks())
@settings(SETTINGS, max_examples=40)
def test_a_network_is_printed_the_same_twice_and_its_source_needs_no_netdsl(drawn: Drawn) -> None:
    """The source is a function of the spec, names nothing of netdsl, and what it builds is what runs."""
    from netdsl.backends.python_source import print_source
    from netdsl.backends.torch_module import load_class

    note(drawn.text)
    first, second = compiled(drawn).network, compiled(drawn).network
    assert first is not None
    assert second is not None

    source = print_source(first)

    assert source == print_source(second)
    assert "import netdsl" not in source
    torch.manual_seed(0)
    printed = load_class(source, "drawn")()
    torch.manual_seed(0)
    built = build_module(first)
    assert [name for name, _ in printed.named_parameters()] == [name for name, _ in built.named_parameters()]
    sample = torch.randn(2, *map(int, drawn.input.sizes))
    with torch.no_grad():
        assert torch.equal(printed.eval()(sample), built.eval()(sample)) or math.isnan(
            float(built(sample).sum())
        )
