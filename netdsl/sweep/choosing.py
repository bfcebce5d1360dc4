"""A search's next combination: chosen by its memory, and judged: is it new, is it right.

A combination that is chosen twice is trained once, on whatever machine; one that is wrong is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from netdsl.diagnostics import Diagnostic, Faults
from netdsl.sweep.memory import Memory, Tried
from netdsl.sweep.plan import spelled, trial_of
from netdsl.sweep.space import Space
from netdsl.sweep.study import Row
from netdsl.sweep.variants import Variant
from netdsl.training.progress import Display

IN_VAIN = 200
"""Choices in a row that bring nothing new, after which a search ends."""


class Chooser:
    """Chooses what a folder is to train."""

    def __init__(
        self,
        memory: Memory,
        space: Space,
        owner: str,
        repeats: int,
        data_of: Callable[[Variant], str],
        display: Display,
    ) -> None:
        """Chooses nothing yet.

        Args:
            memory: what was tried before.
            space: what to choose from.
            owner: this folder's name among those that share the memory.
            repeats: trials of each combination.
            data_of: which data set a variant is trained on.
            display: told, once, of each reason why a combination is wrong.
        """
        self._memory, self._space, self._owner, self._repeats = memory, space, owner, repeats
        self._data_of, self._display = data_of, display
        self._variants: dict[int, Variant] = {}
        self.refused: dict[str, Diagnostic] = {}
        """What was wrong with combinations, by what it says."""

    def next(self, count: int, *, parallel: bool) -> Tried | None:
        """A new combination to train; None where there is none, or as many are trained as are asked for."""
        for _ in range(IN_VAIN):
            tried = self._memory.tried()
            size = self._space.size
            is_whole = size is not None and _distinct([one.values for one in tried]) >= size
            if is_whole or sum(one.counts for one in tried) >= count:
                return None
            one = self._judged(*self._memory.choose(self._space, len(tried), parallel))
            if one.state == "training":
                return one
        return None

    def variant(self, one: Tried) -> Variant:
        """What a combination comes to."""
        if one.number not in self._variants:
            self._variants[one.number] = self._space.workshop.make(self._space.values(one.values))
        return self._variants[one.number]

    def _judged(self, number: int, values: dict[str, str]) -> Tried:
        """Whether a combination that was chosen is to be trained; written down either way."""
        one = Tried(number=number, values=values, owner=self._owner, state="training")
        try:
            variant = self._space.workshop.make(self._space.values(values))
            row = _row(values, variant)
            data = self._data_of(variant)
            ids = tuple(trial_of(variant, 0, repeat, data).id for repeat in range(self._repeats))
        except Faults as faults:
            return self._refuse(one, faults.diagnostics[0])
        one = replace(one, row=row, ids=ids, seed=variant.recipe.seed)
        self._memory.note(
            one
        )  # before one looks: of two machines that choose the same, the later sees the earlier
        if any(other.ids == ids and other.number < number for other in self._memory.tried()):
            one = replace(one, state="same")
            self._memory.note(one)
            self._memory.tell(number, None, learn=False)
        return one

    def _refuse(self, one: Tried, why: Diagnostic) -> Tried:
        """Writes down that a combination is wrong; each reason is said once."""
        if why.message not in self.refused:
            self._display.warn(f"left out: {why.message} (in the combination {spelled(one.values)})")
            self.refused[why.message] = why
        known = any(other.values == one.values for other in self._memory.tried())
        one = replace(one, state="same" if known else "refused", code=why.code, reason=why.message)
        self._memory.note(one)
        self._memory.tell(one.number, None)
        return one


def _row(values: Mapping[str, str], variant: Variant) -> Row:
    optimizer = str(variant.recipe.optimizer)
    return Row(values=values, params=variant.params, macs=variant.macs, optimizer=optimizer)


def _distinct(chosen: Sequence[Mapping[str, str]]) -> int:
    return len({tuple(sorted(values.items())) for values in chosen})
