"""Factors → combinations → trials: the full grid, or one factor at a time about the specs' own values.

Every combination is checked before anything trains; those that come to the same are counted once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from netdsl.diagnostics import Diagnostic, Faults, fault
from netdsl.records import record, replace
from netdsl.sweep.factors import SPEC
from netdsl.sweep.values import as_number
from netdsl.sweep.variants import Values, Variant, Workshop, same_fault

MOST_TRIALS = 10_000
"""Trials of one sweep."""


@record
class Wish:
    """What a sweep is asked to do."""

    specs: tuple[str, ...]
    factors: Mapping[str, tuple[str, ...]]
    """Each factor with its values; with a single one it is fixed for all trials."""
    repeats: int = 1
    one_at_a_time: bool = False
    skip_invalid: bool = False
    plugins: tuple[str, ...] = ()


@record
class Combination:
    """A combination of the factors' values, and what it comes to."""

    values: Mapping[str, str]
    """The value of each factor that varies."""
    variant: Variant


@record
class Plan:
    """What is to be trained."""

    wish: Wish
    factors: Mapping[str, tuple[str, ...]]
    """The factors that vary, with all values in order."""
    fixed: Mapping[str, str]
    """The factors with one value."""
    combinations: tuple[Combination, ...]
    baseline: int
    """The combination that the others are compared with: the spec's own values, or else the first."""
    same: int
    """Combinations that came to the same as one before them."""
    refused: tuple[Diagnostic, ...]
    """Why combinations were left out, where that was asked for."""

    @property
    def trials(self) -> int:
        return len(self.combinations) * self.wish.repeats


@record
class Trial:
    """A training of a combination with a seed."""

    id: str
    """A digest of everything that determines it."""
    combination: int
    repeat: int
    seed: int


def make_plan(wish: Wish) -> Plan:
    """The combinations of a wish, checked.

    Raises:
        Faults: a factor, a spec or a combination is wrong, or there are too many.
    """
    workshop = Workshop(wish.specs, wish.plugins)
    given = {SPEC: wish.specs, **wish.factors}
    for name in wish.factors:
        if name == SPEC:
            help = "name specs first: `netdsl sweep lenet5,lenet1 …`"
            raise fault("sweep-factor", "specs are no factor with values", help=help)
        workshop.target(name)
    fixed = {name: values[0] for name, values in given.items() if len(values) == 1}
    varied = {name: values for name, values in given.items() if len(values) > 1}
    _check_counts(wish, varied)
    choices = list(_one_at_a_time(varied) if wish.one_at_a_time else _grid(varied))
    own = dict.fromkeys(varied)
    made, refused = _made(workshop, [own, *choices] if wish.one_at_a_time else choices, fixed)
    if refused and not wish.skip_invalid:
        raise Faults(refused)
    if not made:
        raise Faults(refused)
    distinct: dict[str, tuple[Values, Variant]] = {}
    for values, variant in made:
        _keep(distinct, values, variant)
    found = [Combination(_labels(workshop, values), variant) for values, variant in distinct.values()]
    baseline = _baseline(workshop, own, fixed, found)
    return Plan(
        wish,
        {name: _all_values(name, values, found, baseline) for name, values in varied.items()},
        fixed,
        tuple(found),
        baseline,
        _repetitions(made, wish.one_at_a_time),
        tuple(refused),
    )


def _check_counts(wish: Wish, varied: Mapping[str, Sequence[str]]) -> None:
    sizes = [len(values) for values in varied.values()]
    count = wish.repeats * (sum(sizes) + 1 if wish.one_at_a_time else prod(sizes))
    if count > MOST_TRIALS:
        message = f"the sweep has {count:,} trials, more than {MOST_TRIALS:,}"
        help = "name fewer values, or vary one factor at a time: `--one-at-a-time`"
        raise fault("sweep-size", message, help=help)
    if "seed" in varied:
        message = "`seed` is a factor with several values"
        raise fault("sweep-factor", message, help="repeat each trial with seeds of its own: `--repeats 3`")


def _grid(varied: Mapping[str, Sequence[str]]) -> Iterator[Values]:
    for values in product(*varied.values()):
        yield dict(zip(varied, values, strict=True))


def _one_at_a_time(varied: Mapping[str, Sequence[str]]) -> Iterator[Values]:
    for name, values in varied.items():
        for value in values:
            yield dict.fromkeys(varied) | {name: value}


def _made(
    workshop: Workshop, choices: Sequence[Values], fixed: Mapping[str, str]
) -> tuple[list[tuple[Values, Variant]], list[Diagnostic]]:
    """The combinations that can be trained, and what is wrong with the others, each cause once."""
    made: list[tuple[Values, Variant]] = []
    causes: list[tuple[Diagnostic, list[Values]]] = []
    for values in choices:
        try:
            made.append((values, workshop.make({**fixed, **values})))
        except Faults as faults:
            for diagnostic in faults.diagnostics:
                met = [where for cause, where in causes if same_fault(cause, diagnostic)]
                if met:
                    met[0].append(values)
                else:
                    causes.append((diagnostic, [values]))
    refused = [
        replace(cause, notes=(*cause.notes, _where(workshop, where, len(choices)))) for cause, where in causes
    ]
    return made, refused


def _where(workshop: Workshop, where: Sequence[Values], count: int) -> str:
    shown = spelled(_labels(workshop, where[0])) or "the specs as they are"
    if len(where) == 1:
        return f"in the combination {shown}"
    return f"in {len(where)} of {count} combinations, such as {shown}"


def spelled(values: Mapping[str, str]) -> str:
    """A combination as one would type it."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def _keep(distinct: dict[str, tuple[Values, Variant]], values: Values, variant: Variant) -> None:
    """Keeps a combination that is new; values that say what the spec says lend it their spelling."""
    if variant.key not in distinct:
        distinct[variant.key] = (values, variant)
        return
    kept, _ = distinct[variant.key]
    merged = {name: value if value is not None else values[name] for name, value in kept.items()}
    distinct[variant.key] = (merged, variant)


def _labels(workshop: Workshop, values: Values) -> dict[str, str]:
    spec = values.get(SPEC) or workshop.specs[0]
    return {
        name: value if value is not None else workshop.own_value(name, spec) for name, value in values.items()
    }


def _baseline(workshop: Workshop, own: Values, fixed: Mapping[str, str], found: Sequence[Combination]) -> int:
    try:
        key = workshop.make({**fixed, **own}).key
    except Faults:
        return 0
    return next((number for number, one in enumerate(found) if one.variant.key == key), 0)


def _repetitions(made: Sequence[tuple[Values, Variant]], one_at_a_time: bool) -> int:
    """Combinations that were asked for twice; each factor may name the specs' own value."""
    keys = [variant.key for _, variant in made]
    own = keys[0] if one_at_a_time else None
    counted = [key for key in keys if key != own]
    return len(counted) - len(set(counted))


def _all_values(
    name: str, values: Sequence[str], found: Sequence[Combination], baseline: int
) -> tuple[str, ...]:
    """A factor's values that are trained; the specs' own takes its place where numbers are in order."""
    trained = {one.values[name] for one in found}
    listed = [value for value in values if value in trained]
    own = found[baseline].values[name]
    if own in listed:
        return tuple(listed)
    numbers = [as_number(value) for value in (own, *listed)]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or known[1:] != sorted(known[1:]):
        return (own, *listed)
    return tuple(sorted((own, *listed), key=float))


def trials_of(plan: Plan, data: Mapping[tuple[str, ...], str]) -> tuple[Trial, ...]:
    """The trials of a plan, once it is known which data sets are there.

    Args:
        data: for each list of names in a recipe, the data set that is used.
    """
    return tuple(
        trial_of(combination.variant, number, repeat, data[combination.variant.recipe.data])
        for number, combination in enumerate(plan.combinations)
        for repeat in range(plan.wish.repeats)
    )


def trial_of(variant: Variant, combination: int, repeat: int, data: str) -> Trial:
    """A training of a combination's variant, with the seed of that repeat, on the data set that is used."""
    seed = variant.recipe.seed + repeat
    digest = hashlib.sha256(f"{variant.key} {data} {seed}".encode()).hexdigest()
    return Trial(digest[:16], combination, repeat, seed)
