"""Names in a printed source: classes, arguments and variables called by the spec's names where they may be.

Only identifiers get into a source, never other text; one that means something else there is changed.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from itertools import count
from keyword import iskeyword

_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")

IMPORTED = frozenset({"math", "Callable", "OrderedDict", "partial", "torch", "nn", "F", "Tensor"})
"""What a printed source may import."""

_OTHERWISE_USED = IMPORTED | {"self", "outputs", "make_divisible", "l", "O", "I"} | frozenset(dir(builtins))


def is_identifier(name: str) -> bool:
    """Whether a name may stand in a source as it is; two underscores before an attribute would change it."""
    return _IDENTIFIER.fullmatch(name) is not None and not iskeyword(name) and not name.startswith("__")


def checked(name: str) -> str:
    """The name of a module.

    Raises:
        ValueError: it is no identifier; the elaborator lets none such through.
    """
    if not is_identifier(name):
        raise ValueError(f"{name!r} cannot be printed as a name")
    return name


def variable(name: str) -> str:
    """An argument or a variable called by a name of the spec.

    >>> variable("skip"), variable("range")
    ('skip', 'range_')
    """
    return f"{name}_" if checked(name) in _OTHERWISE_USED else name


def class_name(*words: str) -> str:
    """The name of a class for words of the spec.

    >>> class_name("conv_bn", "branch"), class_name("resnet50"), class_name("3d-net")
    ('ConvBnBranch', 'Resnet50', 'Net3dNet')
    """
    parts = [part for word in words for part in re.split("[^A-Za-z0-9]+", word) if part]
    joined = "".join(part[0].upper() + part[1:] for part in parts)
    return joined if joined[:1].isalpha() else f"Net{joined}"


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, or the first with a number behind it that is not taken."""
    taken = frozenset(taken) | _OTHERWISE_USED
    return next(candidate for candidate in numbered(name) if candidate not in taken)


def numbered(name: str) -> Iterator[str]:
    """The name, then with 2, 3, … behind it."""
    yield name
    yield from (f"{name}{number}" for number in count(2))


def input_variables(names: Iterable[str]) -> tuple[str, ...]:
    """Variables for the inputs of a scope, by what they are called outside of it; a name that is there twice,
    or none, is called `skip`, since it comes from further up.

    >>> input_variables(["x", "encoder1", "x"])
    ('x', 'encoder1', 'skip')
    """
    found: list[str] = []
    for name in names:
        wanted = variable(name) if name and name not in found else "skip"
        found.append(next(candidate for candidate in numbered(wanted) if candidate not in found))
    return tuple(found)
