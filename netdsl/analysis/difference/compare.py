"""Two networks → the changes between them, each with what it adds to parameters and multiply-adds.

A layer that is declared as before but stands on another shape costs another sum and is yet no change: it is a
consequence, of the changes that its input's sizes lead back to. Each layer of either network is priced
exactly once, in a change or in a consequence, so that together they are the whole difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from netdsl.analysis.difference.alignment import Aligner, main_branch
from netdsl.analysis.difference.causes import (
    Causes,
    Flow,
    behind,
    blamed,
    differing,
    own_changes,
    that_count,
)
from netdsl.analysis.difference.chains import Normalizer
from netdsl.analysis.difference.pieces import Piece, lone_pieces
from netdsl.analysis.difference.sliding import Step
from netdsl.analysis.difference.terms import (
    BranchesTerm,
    Chain,
    Item,
    LayerTerm,
    RecallTerm,
    SharedTerm,
    costs_of,
)
from netdsl.graph.graph import Costs, Graph, Group, Head, Network
from netdsl.graph.shapes import Shape
from netdsl.records import record, replace

Kind = Literal[
    "input", "arguments", "replaced", "removed", "added", "moved", "merge", "order", "wrapped", "unwrapped",
    "branch removed", "branch added", "source", "renamed", "head",
]  # fmt: skip
"""What happened: see `wording.said`."""


@record
class Change:
    """One change."""

    kind: Kind
    place: str
    """The path of what changed, as it is now; of what is gone, as it was."""
    params: int = 0
    macs: int = 0
    before: Chain = ()
    after: Chain = ()
    values: tuple[tuple[str, Any, Any], ...] = ()
    """What was changed, with its old and its new value."""
    training: bool = False
    """Whether it is of what is there only in training, and not in the network's figures."""


@record
class Consequence:
    """A layer that is as it was, on another shape."""

    place: str
    params: int
    macs: int
    causes: Causes
    training: bool


@record
class Difference:
    """All that differs."""

    before: Network
    after: Network
    changes: tuple[Change, ...]
    consequences: tuple[Consequence, ...]

    @property
    def params(self) -> int:
        """How many parameters more."""
        return self.after.costs.params - self.before.costs.params

    @property
    def macs(self) -> int:
        """How many multiply-adds more."""
        return self.after.costs.macs - self.before.costs.macs


def compare(before: Network, after: Network) -> Difference:
    """How one network became the other."""
    return _Comparison(before, after).difference()


class _Comparison:
    def __init__(self, before: Network, after: Network) -> None:
        self.before, self.after = before, after
        self.make = Normalizer()
        stages = [frozenset(node.name for node in network.graph.nodes) for network in (before, after)]
        self.chains = (
            self._read(self.before, self.before.graph, ""),
            self._read(self.after, self.after.graph, ""),
        )
        self.aligner = Aligner((stages[0] & stages[1]) - {""}, *self.chains)
        self.changes: list[Change] = []
        self.consequences: list[Consequence] = []
        self.flows: dict[str, Flow] = {}
        """What stages give, by their names now."""
        self.inputs: dict[str, Causes] = {}
        self.shared: dict[str, Causes] = {}
        self.stages: dict[tuple[str, str], int] = {}
        """How much of one stage has become of another."""
        self.recalls: list[tuple[Item, RecallTerm, RecallTerm]] = []
        self.training = False
        self.counts_macs = True

    def difference(self) -> Difference:
        self._inputs()
        self._shared()
        before, after = self.before.graph.inputs[0], self.after.graph.inputs[0]
        causes = self.inputs.get(self.after.input_names[0], frozenset())
        self._chain(*self.chains, Flow(before, after, dict.fromkeys(differing(before, after), causes)))
        self._heads()
        self._names()
        self._stay()
        return Difference(self.before, self.after, tuple(self.changes), tuple(self.consequences))

    def _stay(self) -> None:
        """Takes back what left one branch for another and yet stayed where it was, as do layers around which
        a shortcut begins elsewhere: that they cost another sum follows from the rest."""
        gone = {_identity(c): number for number, c in enumerate(self.changes) if c.kind == "removed"}
        back = {
            number: gone[_identity(change)]
            for number, change in enumerate(self.changes)
            if change.kind == "added" and _identity(change) in gone
        }
        kept = [n for n in range(len(self.changes)) if n not in {*back, *back.values()}]
        now = {number: position for position, number in enumerate(kept)}
        self.consequences = [
            replace(c, causes=frozenset(now[cause] for cause in c.causes if cause in now))
            for c in self.consequences
        ]
        for number, other in back.items():
            come, left = self.changes[number], self.changes[other]
            params, macs = come.params + left.params, come.macs + left.macs
            if params or macs:
                rest = frozenset(now.values())
                self.consequences.append(Consequence(come.place, params, macs, rest, come.training))
        self.changes = [self.changes[number] for number in kept]

    def _add(self, change: Change) -> Causes:
        self.changes.append(replace(change, training=self.training))
        return frozenset([len(self.changes) - 1])

    def _priced(
        self, kind: Kind, place: str, before: Chain, after: Chain, values: Sequence[tuple[str, Any, Any]] = ()
    ) -> Causes:
        params, macs = self._price(costs_of(before), costs_of(after))
        return self._add(Change(kind, place, params, macs, before, after, tuple(values)))

    def _price(self, before: Costs, after: Costs) -> tuple[int, int]:
        return after.params - before.params, (after.macs - before.macs) * self.counts_macs

    # What is not the chain itself

    def _inputs(self) -> None:
        first = dict(zip(self.before.input_names, self.before.graph.inputs, strict=True))
        second = dict(zip(self.after.input_names, self.after.graph.inputs, strict=True))
        for name in {**first, **second}:
            if first.get(name) != second.get(name):
                values = ((name, first.get(name), second.get(name)),)
                self.inputs[name] = self._add(Change("input", name, values=values))

    def _shared(self) -> None:
        """Shared modules: their parameters count once, their multiply-adds at each use."""
        self.counts_macs = False
        first, second = dict(self.before.shared), dict(self.after.shared)
        for name in {**first, **second}:
            start = len(self.changes)
            old = self._read(self.before, first[name], name) if name in first else ()
            new = self._read(self.after, second[name], name) if name in second else ()
            if name in first and name in second:
                shapes = first[name].inputs[0], second[name].inputs[0]
                causes = dict.fromkeys(differing(*shapes), frozenset[int]())
                self._chain(old, new, Flow(*shapes, causes))
            else:
                self._priced("removed" if old else "added", name, old, new)
            self.shared[name] = frozenset(range(start, len(self.changes)))
        self.counts_macs = True

    def _heads(self) -> None:
        first = {(head.name, head.keep): head for head in self.before.heads}
        second = {(head.name, head.keep): head for head in self.after.heads}
        for key in {**first, **second}:
            self.training = not key[1]
            old, new = first.get(key), second.get(key)
            before, after = self._head(self.before, old), self._head(self.after, new)
            if old is None or new is None:
                self._priced("removed" if old else "added", key[0], before, after)
                continue
            facts = [(n, getattr(old, n), getattr(new, n)) for n in ("at", "weight")]
            changed = [(n, a, b) for n, a, b in facts if a != b]
            causes = self._add(Change("head", key[0], values=tuple(changed))) if changed else frozenset[int]()
            shapes = _entered(old), _entered(new)
            flow = self.flows.get(new.at)
            why = {axis: causes | (flow.at(axis) if flow else frozenset()) for axis in differing(*shapes)}
            self._chain(before, after, Flow(*shapes, why))
        self.training = False

    def _head(self, network: Network, head: Head | None) -> Chain:
        if head is None:
            return ()
        assert isinstance(head.node.operation, Group)
        return self._read(network, head.node.operation.graph, head.name)

    def _read(self, network: Network, graph: Graph, path: str) -> Chain:
        self.make.blocks = {block.name: block for block in network.blocks}
        return self.make.chain(graph, network.input_names if graph is network.graph else (), path)

    def _names(self) -> None:
        """Stages that are called otherwise, and tensors that are taken from elsewhere."""
        forth: dict[str, tuple[int, str]] = {}
        back: dict[str, tuple[int, str]] = {}
        for (old, new), weight in self.stages.items():
            forth[old] = max(forth.get(old, (0, "")), (weight, new))
            back[new] = max(back.get(new, (0, "")), (weight, old))
        renamed = {
            old: new
            for old, (weight, new) in forth.items()
            if back[new][1] == old and 2 * weight >= max(self._weights(old, new))
        }
        values = [(old, old, new) for old, new in renamed.items() if old != new]
        for item, before, after in self.recalls:
            old, new = before.source.partition(".")[0], after.source.partition(".")[0]
            if renamed.get(old, old) != new:
                self._add(Change("source", item.path, values=(("from", before.source, after.source),)))
        if values:
            self._add(Change("renamed", "", values=tuple(values)))

    def _weights(self, *stages: str) -> Iterator[int]:
        """How much each stage holds, of the network before and of the one after."""
        for stage, chain in zip(stages, self.chains, strict=True):
            yield sum(item.term.weight for item in chain if item.stage == stage)

    # Chains

    def _chain(self, before: Chain, after: Chain, flow: Flow) -> Flow:
        """Goes along two chains that correspond; the tensors at their ends."""
        steps = self.aligner.align(before, after)
        plan = lone_pieces(steps, before, after, has_stages=before is self.chains[0])
        owners: dict[int, Causes] = {}
        gap: Causes = frozenset()
        entered = flow
        for number, step in enumerate(steps):
            if step.before and step.after:
                if gap:
                    flow, gap = behind(entered, flow, gap), frozenset()
                flow = self._step(step, flow)
                entered = flow
                self.flows[step.after[-1].stage] = flow
                continue
            if number not in owners:
                cause = self._lone(plan[number], steps)
                owners.update(dict.fromkeys(plan[number].numbers, cause))
            gap |= owners[number]
            flow = Flow(
                step.before[-1].term.output if step.before else flow.before,
                step.after[-1].term.output if step.after else flow.after,
                flow.causes,
            )
            if step.after:
                self.flows[step.after[-1].stage] = behind(entered, flow, gap)
        return behind(entered, flow, gap) if gap else flow

    def _lone(self, piece: Piece, steps: Sequence[Step]) -> Causes:
        """Something moved, left out or put in."""
        before = tuple(item for number in piece.numbers for item in steps[number].before)
        after = tuple(item for number in piece.numbers for item in steps[number].after)
        if before and after:
            changed = _arguments(before[0], after[0])
            values = (("moved", piece.is_forward, piece.passed), *changed)
            return self._priced("moved", piece.place, before, after, values)
        return self._priced("removed" if before else "added", piece.place, before, after)

    def _step(self, step: Step, flow: Flow) -> Flow:
        if step.is_pair:
            (before,), (after,) = step
            if isinstance(before.term, BranchesTerm) == isinstance(after.term, BranchesTerm):
                return self._pair(before, after, flow)
        return self._wrapped(step, flow)

    def _wrapped(self, step: Step, flow: Flow) -> Flow:
        """A run that was put beside other branches, or left alone by them."""
        is_new = isinstance(step.after[0].term, BranchesTerm) and len(step.after) == 1
        item = step.after[0] if is_new else step.before[0]
        assert isinstance(item.term, BranchesTerm)
        position = item.term.branches.index(main_branch(item.term))
        longest = item.branches[position]
        beside = [branch for number, branch in enumerate(item.branches) if number != position]
        others = tuple(other for branch in beside for other in branch)
        values = ((item.term.kind, beside, longest),)
        cause = (
            self._priced("wrapped", item.path, (), others, values)
            if is_new
            else self._priced("unwrapped", item.path, others, (), values)
        )
        inside = self._chain(step.before if is_new else longest, longest if is_new else step.after, flow)
        ends = Flow(step.before[-1].term.output, step.after[-1].term.output, inside.causes)
        return behind(flow, ends, cause | inside.all_causes)

    # Pairs

    def _pair(self, before: Item, after: Item, flow: Flow) -> Flow:
        old, new = before.term, after.term
        weight = min(old.weight, new.weight)
        if isinstance(old, BranchesTerm) and isinstance(new, BranchesTerm):
            if old.exact == new.exact and not flow.causes:
                self._note(before.stage, after.stage, weight)
                return Flow(old.output, new.output, {})
            return self._branches(before, after, flow)
        self._note(before.stage, after.stage, weight)
        if isinstance(old, LayerTerm) and isinstance(new, LayerTerm):
            return self._layers(before, after, old, new, flow)
        if isinstance(old, RecallTerm) and isinstance(new, RecallTerm):
            self.recalls.append((after, old, new))
            known = self.flows.get(new.source.partition(".")[0])
            causes = self.inputs.get(new.source) or (known.all_causes if known else frozenset())
            return Flow(old.output, new.output, dict.fromkeys(differing(old.output, new.output), causes))
        assert isinstance(new, SharedTerm)
        causes = flow.all_causes | self.shared[new.name]
        self._consequence(after, old.costs, new.costs, causes)
        return Flow(old.output, new.output, dict.fromkeys(differing(old.output, new.output), causes))

    def _note(self, old: str, new: str, weight: int) -> None:
        self.stages[old, new] = self.stages.get((old, new), 0) + weight

    def _consequence(self, item: Item, before: Costs, after: Costs, causes: Causes) -> None:
        params, macs = self._price(before, after)
        if params or macs:
            self.consequences.append(Consequence(item.path, params, macs, causes, self.training))

    def _layers(self, before: Item, after: Item, old: LayerTerm, new: LayerTerm, flow: Flow) -> Flow:
        cause: Causes = frozenset()
        if type(old.layer) is not type(new.layer):
            cause = self._priced("replaced", after.path, (before,), (after,))
        elif old.declared != new.declared and (values := own_changes(old, new)):
            cause = self._priced("arguments", after.path, (before,), (after,), values)
        else:
            causes = frozenset[int]().union(*(flow.causes.get(axis, ()) for axis in that_count(old, new)))
            self._consequence(after, old.costs, new.costs, causes)
        return Flow(old.output, new.output, dict(blamed(old, new, flow, cause)))

    def _branches(self, before: Item, after: Item, flow: Flow) -> Flow:
        old, new = before.term, after.term
        assert isinstance(old, BranchesTerm)
        assert isinstance(new, BranchesTerm)
        cause: Causes = frozenset()
        if old.kind != new.kind:
            cause = self._add(Change("merge", after.path, values=(("merge", old.kind, new.kind),)))
        assigned = self.aligner.assign(old.branches, new.branches)
        together = [(i, j) for i, j in assigned if i is not None and j is not None]
        if old.kind == new.kind and new.kind in ("concat", "sub") and together != sorted(together):
            cause |= self._add(Change("order", after.path, before=(before,), after=(after,)))
        ends = []
        for i, j in assigned:
            if i is not None and j is not None:
                ends.append(self._chain(before.branches[i], after.branches[j], flow))
            elif i is not None:
                cause |= self._priced("branch removed", before.path, before.branches[i], ())
            elif j is not None:
                cause |= self._priced("branch added", after.path, (), after.branches[j])
        axes = list(differing(old.output, new.output))
        inner = {axis: cause.union(*(end.causes.get(axis, ()) for end in ends)) for axis in axes}
        return Flow(old.output, new.output, {axis: inner[axis] or flow.at(axis) for axis in axes})


def _arguments(before: Item, after: Item) -> list[tuple[str, Any, Any]]:
    """The arguments in which two items differ, where both are layers."""
    old, new = before.term, after.term
    return own_changes(old, new) if isinstance(old, LayerTerm) and isinstance(new, LayerTerm) else []


def _identity(change: Change) -> object:
    """What is the same for something that is gone and something that came, if it is one thing."""
    items = change.before or change.after
    return change.training, change.place, tuple(item.term.declared for item in items)


def _entered(head: Head) -> Shape:
    assert isinstance(head.node.operation, Group)
    return head.node.operation.graph.inputs[0]
