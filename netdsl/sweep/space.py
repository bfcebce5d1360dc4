"""What a search chooses among: for each factor a list of values, or every number of an interval.

lr=0.001..1:log    any number, small ones as often as large ones      act=relu,tanh    one of a few words
lr=0.1..0.9        any number                                         width=4..64:4    one of some numbers
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from math import prod

from netdsl.diagnostics import fault
from netdsl.records import record, value_record
from netdsl.sweep.factors import SPEC
from netdsl.sweep.plan import Wish
from netdsl.sweep.values import as_number, read_factors, same_value, spell_decimal
from netdsl.sweep.variants import Values, Workshop

_INTERVAL = re.compile(r"(?P<low>[-+\d.eE]*\d\.?)\.\.(?P<high>[-+\d.eE]+)(?P<log>:log)?\Z")
DIGITS = 4
"""Significant digits of a number that a search chooses."""
COSTS = ("params", "macs")
"""What an objective can name besides the figure of the task: the fewer the better."""


@value_record()
class Interval:
    """Every number from one to another."""

    low: float
    high: float
    log: bool
    """Whether numbers are as likely as their logarithms."""
    whole: bool

    def spelled(self, number: float) -> str:
        """A number of the interval as one writes it."""
        if self.whole:
            return str(round(number))
        inside = min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high)
        return spell_decimal(Decimal(repr(inside)))

    def holds(self, text: str) -> bool:
        """Whether a value, as it is written, is a number of the interval."""
        number = as_number(text)
        is_kind = number is not None and (not self.whole or number == int(number))
        return number is not None and is_kind and self.low <= number <= self.high

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{':log' * self.log}"


@record
class Sought:
    """How a search goes on, and where it ends."""

    count: int
    """Combinations that are trained."""
    objective: tuple[str, ...]
    """The task's figure, as it is called, and costs; nothing for the figure alone."""
    intervals: Mapping[str, Interval]
    """The factors that can be any number of an interval; the others are the wish's."""
    storage: str | None = None
    """Where machines meet that search together: a journal's file or a database's address."""


@record
class Space:
    """The combinations of a search."""

    workshop: Workshop
    fixed: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    """The factors with some values."""
    intervals: Mapping[str, Interval]

    @property
    def size(self) -> int | None:
        """How many combinations there are; None where there is no end of them."""
        return None if self.intervals else prod(map(len, self.lists.values()))

    def own(self) -> dict[str, str] | None:
        """The spec's own values, as the lists spell them; None where one is not among them."""
        found = {}
        for name in (*self.lists, *self.intervals):
            spec = self.workshop.specs[0]
            text = spec if name == SPEC else self.workshop.own_value(name, spec)
            if name in self.intervals:
                same = [text] if self.intervals[name].holds(text) else []
            else:
                same = [value for value in self.lists[name] if same_value(value, text)]
            if not same:
                return None
            found[name] = same[0]
        return found

    def spelled(self, name: str) -> str:
        """What a factor is chosen from."""
        return str(self.intervals[name]) if name in self.intervals else ", ".join(self.lists[name])

    def values(self, chosen: Mapping[str, str]) -> Values:
        """All values of a combination, those that are fixed among them."""
        return {**self.fixed, **chosen}


def read_space(words: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, Interval]]:
    """The factors of a command line that searches, `name=values` each: those with values, those of intervals.

    Raises:
        Faults: a word is not of that form, or a name stands twice; exit code 2.
    """
    intervals: dict[str, Interval] = {}
    others = []
    for word in words:
        name, _, text = (part.strip() for part in word.partition("="))
        interval = as_interval(name, text)
        if interval is None or name in intervals:
            others.append(word)
        else:
            intervals[name] = interval
    listed = read_factors(others)
    _refuse_twice(name for name in listed if name in intervals)
    return listed, intervals


def _refuse_twice(names: Iterable[str]) -> None:
    for name in names:
        message = f"the values of `{name}`: it is given twice"
        raise fault("sweep-values", message, help="name all of its values together")


def as_interval(name: str, text: str) -> Interval | None:
    """`0.1..0.9` and `1..100:log`; None of what is a list of values, as `1..9` and `0.1..0.9:0.1` are.

    Raises:
        Faults: it leads nowhere; exit code 2.
    """
    found = _INTERVAL.match(text)
    if found is None:
        return None
    low, high = as_number(found["low"]), as_number(found["high"])
    if low is None or high is None:
        return None
    is_log, whole = found["log"] is not None, _is_whole(found["low"]) and _is_whole(found["high"])
    if whole and not is_log:
        return None
    if not low < high or (is_log and low <= 0):
        message = f"the values of `{name}`: `{text}` leads nowhere"
        help = "write the smaller end first" + ", and for `:log` one above 0" * is_log
        raise fault("sweep-values", message, help=help)
    return Interval(low, high, is_log, whole)


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def make_space(wish: Wish, sought: Sought) -> Space:
    """The space of a wish, its names checked; combinations are checked when they are chosen.

    Raises:
        Faults: a factor or a spec is wrong, or nothing varies.
    """
    workshop = Workshop(wish.specs, wish.plugins)
    for name in (*wish.factors, *sought.intervals):
        if name in (SPEC, "seed"):
            help = (
                "name specs first: `netdsl sweep lenet5,lenet1 …`; repeat with other seeds by `--repeats 3`"
            )
            raise fault("sweep-factor", f"`{name}` is no factor to search in", help=help)
        workshop.target(name)
    given = {SPEC: wish.specs, **wish.factors}
    lists = {name: values for name, values in given.items() if len(values) > 1}
    if not lists and not sought.intervals:
        help = "name a factor with several values, or an interval such as `lr=0.001..1:log`"
        raise fault("sweep-values", "there is nothing to search in: no factor varies", help=help)
    fixed = {name: values[0] for name, values in given.items() if len(values) == 1}
    return Space(workshop, fixed, lists, sought.intervals)
