"""How much memory a network takes: what lives at once in inference, what autograd keeps for training.

Both are lower bounds, exact for what they count: tensors at their sizes. A convolution's workspace, temporary
values inside of a layer, the allocator's rounding and fragmentation, buffers such as running statistics, and
the library itself come on top.

- **Inference**: a value lives from the layer that makes it to the last one that reads it, and nothing is
  computed in place; the input is the caller's and stays. The peak is the most that lives at once.
- **A training step**: where the forward pass ends, all that autograd has kept until then is there, each
  storage once: a value that a `relu` gives and a `conv` reads is one. With it are the parameters, their
  gradients and the optimizer's state. The gradients of activations, which come and go in the backward pass
  while what was kept is given up, are not counted. Where more lives at once on the way there, that counts.

What a layer keeps is a fact of its class (`Layer.keeps`). Both are found once for each graph and added up
over its uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from netdsl.analysis.plan import Call, Plan, Plans, network_plan
from netdsl.graph.graph import Graph, Network
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer
from netdsl.records import value_record

Precision = Literal["fp32", "bf16"]
Device = Literal["cuda", "cpu"]

ELEMENT_BYTES: Mapping[Precision, int] = {"fp32": 4, "bf16": 2}
"""Bytes of a value between two layers. Parameters, gradients and optimizer states are in single precision
either way, as torch's autocast has it."""

MOST_SAMPLES = 2**63 - 1
"""What is told where a sample takes nothing."""

PARAMETER_BYTES = 4
STATISTIC_BYTES = 4
INDEX_BYTES = 8


class Amount(NamedTuple):
    """Bytes: so many for each sample, and so many however large the batch is."""

    each: int = 0
    once: int = 0

    def __add__(self, other: object) -> Amount:
        assert isinstance(other, Amount)
        return Amount(self.each + other.each, self.once + other.once)

    def of(self, batch: int) -> int:
        """The bytes of a batch."""
        return self.each * batch + self.once

    def largest_batch(self, budget: int) -> int:
        """How many samples fit into so many bytes; 0 where not even one does."""
        if self.each == 0:
            return MOST_SAMPLES
        return max(0, (budget - self.once) // self.each)


@value_record()
class Memory:
    """The memory of a network in bytes."""

    parameters: int
    """Without heads that are only for training."""
    trained: int
    """All parameters, those of training-only heads included."""
    optimizer: int
    """What the optimizer remembers of every parameter."""
    live: Amount
    """The most that lives at once in inference, the input included."""
    kept: Amount
    """What autograd keeps in a training step."""

    def inference(self, batch: int) -> int:
        """Parameters and what lives at once."""
        return self.parameters + self.live.of(batch)

    def training(self, batch: int) -> int:
        """Parameters, their gradients, the optimizer's state and activations."""
        return 2 * self.trained + self.optimizer + self.training_activations(batch)

    def training_activations(self, batch: int) -> int:
        """What is kept at the end of the forward pass, or what lives on the way there where that is more."""
        return max(self.kept.of(batch), self.live.of(batch))

    def largest_batch(self, budget: int, *, training: bool) -> int:
        """How many samples fit into so many bytes; 0 where not even one does."""
        if not training:
            return self.live.largest_batch(budget - self.parameters)
        rest = budget - 2 * self.trained - self.optimizer
        return min(self.kept.largest_batch(rest), self.live.largest_batch(rest))


def memory_of(
    network: Network, precision: Precision = "fp32", states: int = 0, device: Device = "cuda"
) -> Memory:
    """The memory of inference and of a training step.

    Args:
        network: the network.
        precision: that of the values between layers.
        states: values that the optimizer remembers for every parameter.
        device: where dropout keeps its masks as bytes (`cuda`) or as numbers (`cpu`).
    """
    element = ELEMENT_BYTES[precision]
    head_params = sum(head.node.costs.params for head in network.heads if not head.keep)
    parameters = network.costs.params * PARAMETER_BYTES
    trained = parameters + head_params * PARAMETER_BYTES
    mask = 1 if device == "cuda" else element
    return Memory(
        parameters,
        trained,
        states * trained,
        Amount(_Living(element).network(network)),
        _Keeping(element, mask).network(network),
    )


class _Storage(NamedTuple):
    """Where a value lies: in the memory of one of a graph's inputs, or in its own."""

    input: int | None
    elements: int
    """Of the whole storage, of which a view may show a part."""


class _Storages:
    """Which values of a plan lie in the same memory; views take none of their own."""

    def __init__(self, plans: Plans, *, training: bool) -> None:
        self.plans = plans
        self.training = training
        self._results: dict[int, _Storage] = {}

    def of(self, plan: Plan) -> tuple[list[int], dict[int, int]]:
        """For each value the number of its storage, and for each storage that is made in the plan its size.

        The storages of inputs have the inputs' numbers.
        """
        places = list(range(len(plan.inputs)))
        sizes: dict[int, int] = {}
        for number, call in enumerate(plan.calls, len(places)):
            storage = self._result(call)
            if storage.input is None:
                places.append(number)
                sizes[number] = storage.elements
            else:
                places.append(places[call.inputs[storage.input]])
        return places, sizes

    def _result(self, call: Call) -> _Storage:
        if isinstance(call.runs, Graph):
            return self._of_graph(call.runs)
        if isinstance(call.runs, Layer) and call.runs.is_view(call.shapes[0], self.training):
            return _Storage(0, 0)
        return _Storage(None, call.output.elements)

    def _of_graph(self, graph: Graph) -> _Storage:
        found = self._results.get(id(graph))
        if found is None:
            plan = self.plans.of(graph)
            places, sizes = self.of(plan)
            place = places[plan.results[0]]
            found = _Storage(None, sizes[place]) if place in sizes else _Storage(place, 0)
            self._results[id(graph)] = found
        return found


class _Kept(NamedTuple):
    """What autograd keeps of a graph's inside."""

    inputs: frozenset[int]
    """The inputs whose storage is kept."""
    result: bool
    """Whether the storage of the result is, if it is the graph's own."""
    inside: Amount
    """All else."""
    passes: frozenset[int]
    """The inputs that the result's gradient reaches."""
    gradient: bool
    """Whether the result takes a gradient."""


_NOTHING = _Kept(frozenset(), False, Amount(), frozenset(), False)
"""Of what takes no gradient."""


class _Run(NamedTuple):
    """What autograd keeps of a plan's calls."""

    kept: frozenset[int]
    """The storages that are kept."""
    places: list[int]
    """The storage of each value."""
    sizes: dict[int, int]
    """Of each storage that the plan makes."""
    inside: Amount
    """What is kept inside of the calls."""
    reached: frozenset[int]
    """The values that a gradient of the results reaches."""
    takes: list[bool]
    """Whether each value takes a gradient."""


class _Keeping:
    """What autograd keeps for the backward pass.

    A step of the backward pass lives as long as a result leads back to it: a branch that ends in a layer
    without a gradient keeps nothing.
    """

    def __init__(self, element: int, mask: int) -> None:
        self.element = element
        self.mask = mask
        self.plans = Plans()
        self.storages = _Storages(self.plans, training=True)
        self._found: dict[tuple[int, tuple[bool, ...]], _Kept] = {}

    def network(self, network: Network) -> Amount:
        plan = network_plan(network, training=True)
        run = self._run(plan, (False,) * len(plan.inputs))
        inputs = sum(plan.inputs[number].elements for number in run.kept if number < len(plan.inputs))
        own = sum(run.sizes.get(number, 0) for number in run.kept)
        return run.inside + Amount((inputs + own) * self.element)

    def _graph(self, graph: Graph, gradients: tuple[bool, ...]) -> _Kept:
        found = self._found.get((id(graph), gradients))
        if found is None:
            plan = self.plans.of(graph)
            run = self._run(plan, gradients)
            result = plan.results[0]
            place = run.places[result]
            inside = sum(run.sizes[number] for number in run.kept if number in run.sizes and number != place)
            found = _Kept(
                _inputs(run.kept, plan),
                place in run.kept,
                run.inside + Amount(inside * self.element),
                _inputs(run.reached, plan),
                run.takes[result],
            )
            self._found[id(graph), gradients] = found
        return found

    def _run(self, plan: Plan, gradients: tuple[bool, ...]) -> _Run:
        """Forwards, what each call would keep; then back from the results, what of it is reached."""
        places, sizes = self.storages.of(plan)
        takes = list(gradients)
        calls = []
        for call in plan.calls:
            calls.append(self._call(call, tuple(takes[value] for value in call.inputs)))
            takes.append(calls[-1].gradient)
        reached = {value for value in plan.results if takes[value]}
        kept: set[int] = set()
        inside = Amount()
        for index in reversed(range(len(calls))):
            number, call, found = len(gradients) + index, plan.calls[index], calls[index]
            if number in reached:
                reached.update(call.inputs[n] for n in found.passes)
                kept.update(places[call.inputs[n]] for n in found.inputs)
                kept.update([places[number]] if found.result else [])
                inside += found.inside
        return _Run(frozenset(kept), places, sizes, inside, frozenset(reached), takes)

    def _call(self, call: Call, gradients: tuple[bool, ...]) -> _Kept:
        if isinstance(call.runs, Graph):
            return self._graph(call.runs, gradients)
        if isinstance(call.runs, Layer):
            return self._layer(call.runs, call.shapes[0], gradients[0])
        passes = frozenset(n for n, gradient in enumerate(gradients) if gradient)
        # each factor is the other's derivative
        inputs = frozenset(1 - n for n in passes) if call.runs == "mul" else frozenset()
        return _Kept(inputs, False, Amount(), passes, any(gradients))

    def _layer(self, layer: Layer, input: Shape, gradient: bool) -> _Kept:
        takes = layer.passes_gradient and (gradient or bool(layer.weights(input)))
        if not takes:
            return _NOTHING
        keeps = layer.keeps(input)
        needs_input = keeps.input or (keeps.input_for_itself and gradient)
        each = keeps.values * self.element + keeps.mask * self.mask + keeps.flags
        each += keeps.statistics * STATISTIC_BYTES + keeps.indices * INDEX_BYTES
        inside = Amount(each, keeps.batch_statistics * STATISTIC_BYTES)
        passes = frozenset([0] if gradient else [])
        return _Kept(frozenset([0] if needs_input else []), keeps.output, inside, passes, True)


def _inputs(values: Iterable[int], plan: Plan) -> frozenset[int]:
    return frozenset(value for value in values if value < len(plan.inputs))


class _Living:
    """The most bytes of one sample that live at once in inference."""

    def __init__(self, element: int) -> None:
        self.element = element
        self.plans = Plans()
        self.storages = _Storages(self.plans, training=False)
        self._reads: dict[int, frozenset[int]] = {}
        self._found: dict[tuple[object, ...], int] = {}

    def network(self, network: Network) -> int:
        plan = network_plan(network, training=False)
        given = sum(shape.elements for shape in plan.inputs)
        return (given + self._peak(plan, tuple(range(len(plan.inputs))), {})) * self.element

    def _peak(self, plan: Plan, inputs: tuple[int, ...], dying: Mapping[int, int]) -> int:
        """The most values that live at once while a plan runs, the inputs that outlive it left out.

        Args:
            inputs: for each input the first that lies in the same storage.
            dying: the inputs that nobody reads afterwards, with the sizes of their storages.
        """
        own, made = self.storages.of(plan)
        places = [inputs[place] if place < len(inputs) else place for place in own]
        sizes = {**made, **dying}
        last = self._last_reads(plan, places)
        alive = peak = sum(dying.values())
        for index, call in enumerate(plan.calls):
            number = len(plan.inputs) + index
            read = {places[call.inputs[n]] for n in self._read_by(call)}
            ending = {place: sizes[place] for place in read if place in sizes and last[place] == index}
            new = made.get(number, 0)
            inside = new
            if isinstance(call.runs, Graph):
                inside = self._of_graph(call.runs, [places[value] for value in call.inputs], ending)
                inside -= sum(ending.values())
            peak = max(peak, alive + inside)
            alive += (new if number in last else 0) - sum(ending.values())
        return peak

    def _of_graph(self, graph: Graph, places: Sequence[int], ending: Mapping[int, int]) -> int:
        first = tuple(places.index(place) for place in places)
        dying = {places.index(place): size for place, size in ending.items()}
        key = (id(graph), first, tuple(sorted(dying.items())))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._peak(self.plans.of(graph), first, dying)
        return found

    def _last_reads(self, plan: Plan, places: Sequence[int]) -> dict[int, int]:
        """The last call that reads each storage; for what comes out, the number after all calls."""
        last: dict[int, int] = {}
        for index, call in enumerate(plan.calls):
            for number in self._read_by(call):
                last[places[call.inputs[number]]] = index
        last.update({places[value]: len(plan.calls) for value in plan.results})
        return last

    def _read_by(self, call: Call) -> frozenset[int]:
        """Which of its inputs a call reads; a graph may hand some to nothing inside of it."""
        if not isinstance(call.runs, Graph):
            return frozenset(range(len(call.inputs)))
        found = self._reads.get(id(call.runs))
        if found is None:
            plan = self.plans.of(call.runs)
            places, _ = self.storages.of(plan)
            read = {places[inner.inputs[n]] for inner in plan.calls for n in self._read_by(inner)}
            read |= {places[value] for value in plan.results}
            found = frozenset(place for place in read if place < len(plan.inputs))
            self._reads[id(call.runs)] = found
        return found
