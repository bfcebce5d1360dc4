"""What a factor changes: which spec, a parameter of it, its input, a key of its recipe, or an argument there.

    kernel=3,5        a parameter of the spec         lr=0.1,0.2        an argument of the recipe's optimizer
    input=[1,28,28]   the input's shape               batch=32,64       a key of the recipe

A name that could be two of these is written with what it is meant of: `params.c`, `train.batch`,
`schedule.gamma`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from netdsl.diagnostics import did_you_mean, fault
from netdsl.language import syntax
from netdsl.records import value_record
from netdsl.training.choices import KEYS, WORDS

Kind = Literal["spec", "setting", "key", "argument"]

SPEC = "spec"
"""The name of the factor that several specs are."""
SINGLE = tuple(key for key in WORDS if key not in ("prepare", "augment"))
"""The recipe's keys whose value is one word, whose arguments can be factors."""


@value_record()
class Target:
    """What a factor changes."""

    kind: Kind
    name: str
    """The parameter's, the key's or the argument's."""
    key: str = ""
    """The key whose word takes the argument."""


def find_target(factor: str, specs: Sequence[syntax.Spec]) -> Target:
    """What a factor's name means in all of the specs.

    Raises:
        Faults: nothing, or more than one thing; exit code 2.
    """
    found = [_targets(factor, spec) for spec in specs]
    for spec, targets in zip(specs, found, strict=True):
        if not targets:
            message = f"`{factor}` is no parameter of `{spec.name}` and nothing of its recipe"
            help = did_you_mean(factor, sorted(known_names(spec))) or _known(spec)
            raise fault("sweep-factor", message, help=help)
    common = [target for target in found[0] if all(target in targets for targets in found)]
    if len(common) != 1:
        every = common or list(dict.fromkeys(target for targets in found for target in targets))
        names = " and ".join(f"`{_written(target)}`" for target in every)
        message = f"`{factor}` can mean {names}"
        raise fault("sweep-factor", message, help=f"write `{_written(every[0])}=…`")
    return common[0]


def _written(target: Target) -> str:
    where = {"setting": "params", "key": "train"}.get(target.kind, target.key)
    return f"{where}.{target.name}"


def _targets(factor: str, spec: syntax.Spec) -> list[Target]:
    where, _, name = factor.rpartition(".")
    targets = []
    if where in ("", "params") and name in _settings(spec):
        targets.append(Target("setting", name))
    if where in ("", "train") and name in KEYS:
        targets.append(Target("key", name))
    for key in SINGLE:
        takes = any(name in entry.arguments for entry in WORDS[key][1].values())
        if takes and where in ("", key):
            targets.append(Target("argument", name, key))
    return targets


def _settings(spec: syntax.Spec) -> list[str]:
    return [*(parameter.name for parameter in spec.parameters), *(name for name, _ in spec.inputs)]


def known_names(spec: syntax.Spec) -> Iterator[str]:
    """Every name that a factor of a spec can have."""
    yield from _settings(spec)
    yield from KEYS
    for key in SINGLE:
        for entry in WORDS[key][1].values():
            yield from entry.arguments


def _known(spec: syntax.Spec) -> str:
    return (
        f"its parameters are {', '.join(_settings(spec))}; of the recipe, {', '.join(KEYS)} and the "
        "arguments of their words can be changed, such as `lr`"
    )
