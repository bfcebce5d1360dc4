"""Frozen records that cost next to nothing to declare.

`netdsl check` must answer in an eighth of the time that `import torch` takes, and declares about a hundred
kinds of node and value. `dataclasses.dataclass(frozen=True, slots=True)` compiles half a dozen methods for
each and takes 0.8 to 1.1 ms per class, a third of the whole run; this takes 0.07 ms. To a type checker the
two are the same.

    @record
    class Span:
        start: int
        end: int

`@record` compares by identity; `@value_record` by its fields, those named in `ignoring` left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, dataclass_transform

Record = TypeVar("Record")


@dataclass_transform(frozen_default=True, eq_default=False)
def record(cls: type[Record]) -> type[Record]:
    """A class of frozen records with the annotated fields, compared by identity."""
    names = [name for base in cls.__mro__[-2::-1] for name in base.__annotations__]
    names = list(dict.fromkeys(names))
    defaults = {name: getattr(cls, name) for name in names if hasattr(cls, name)}
    parameters = ", ".join(f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names)
    body = "".join(f"    _fields[{name!r}] = {name}\n" for name in names)
    scope: dict[str, Any] = {"_defaults": defaults}
    source = f"def __init__(self, {parameters}):\n    _fields = self.__dict__\n{body}"
    exec(source, scope)  # noqa: S102 - the names are those of the class' own annotations
    made: Any = cls  # what follows is what a type checker reads from `dataclass_transform`
    made.__init__ = scope["__init__"]
    made.__match_args__ = tuple(names)  # type: ignore[misc]
    made.__setattr__ = made.__delattr__ = _refuse
    if "__repr__" not in cls.__dict__:
        made.__repr__ = _represent
    return cls


@dataclass_transform(frozen_default=True, eq_default=True)
def value_record(*, ignoring: tuple[str, ...] = ()) -> Callable[[type[Record]], type[Record]]:
    """A class of frozen records that are equal where their fields are."""

    def declare(cls: type[Record]) -> type[Record]:
        made: Any = record(cls)
        compared = tuple(name for name in made.__match_args__ if name not in ignoring)

        def key(self: Any) -> tuple[Any, ...]:
            fields = self.__dict__
            return tuple([fields[name] for name in compared])

        def equal(self: Any, other: object) -> bool:
            return self is other or (type(other) is type(self) and key(self) == key(other))

        def hashed(self: Any) -> int:
            found: int | None = self.__dict__.get("_hash")
            if found is None:  # kept, since values hold each other and are looked up by all they hold
                found = self.__dict__["_hash"] = hash(key(self))
            return found

        made.__eq__ = equal
        made.__hash__ = hashed
        return cls

    return declare


def replace(original: Record, **changes: Any) -> Record:
    """A copy of a record with some fields changed.

    Raises:
        TypeError: a change names no field.
    """
    fields = {name: original.__dict__[name] for name in original.__match_args__}  # type: ignore[attr-defined]
    return type(original)(**{**fields, **changes})


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    message = f"{type(self).__name__} is frozen: `{name}` cannot be changed"
    raise AttributeError(message)


def _represent(self: Any) -> str:
    parts = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__match_args__)
    return f"{type(self).__name__}({parts})"
