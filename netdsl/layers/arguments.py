"""The kinds of arguments a layer may have: which values each takes, and how it says so.

An argument is a class attribute of a layer. It judges a value alone, before any input is known; what the
input must fulfil is the layer's own `requires`.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from netdsl.graph.formula import plain

if TYPE_CHECKING:
    from netdsl.layers.layer import Layer

T_co = TypeVar("T_co", covariant=True)


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()
"""In the place of a default: there is none."""

LARGEST = 2**31 - 1
"""The largest whole number an argument may be; torch's sizes are signed 32-bit in places."""

_LARGEST_REAL = sys.float_info.max


class BadArgument(Exception):
    """A value that an argument does not take.

    Attributes:
        code: `argument-type` or `argument-range`.
        expected: what the argument takes, as a noun.
    """

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(expected)
        self.code = code
        self.expected = expected


class Argument(Generic[T_co]):
    """An argument of a layer: its meaning, its default and the values it takes.

    Used as a class attribute; read on an instance it gives the bound value. One that may be left unsaid is
    declared as `size: Argument[int | None] = Integer("…", None)`. A subclass states what it `expects`, and
    raises `_refuse_type()` or `_refuse_range()` in `_read`.
    """

    def __init__(self, about: str, default: Any = REQUIRED) -> None:
        self.about = about
        """A few words for the documentation."""
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:

        @overload
        def __get__(self, layer: None, owner: type) -> Argument[T_co]: ...
        @overload
        def __get__(self, layer: Layer, owner: type) -> T_co: ...
        def __get__(self, layer: Layer | None, owner: type) -> Argument[T_co] | T_co: ...

    @property
    def expects(self) -> str:
        """What the argument takes, as a noun."""
        raise NotImplementedError

    def read(self, value: Any) -> T_co:
        """The value to bind: as it was given, with its formula. `None` stands for a default that is `None`.

        Raises:
            BadArgument: the argument does not take it.
        """
        if value is None and self.default is None:
            return cast("T_co", None)
        return self._read(value)

    def _read(self, value: Any) -> T_co:
        raise NotImplementedError

    def _refuse_type(self) -> BadArgument:
        return BadArgument("argument-type", self.expects)

    def _refuse_range(self) -> BadArgument:
        return BadArgument("argument-range", self.expects)

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def example(self) -> Any:
        """A value that the argument takes; the default where there is one."""
        return self._sample if self.required else self.default

    @property
    def _sample(self) -> T_co:
        raise NotImplementedError


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(plain(value), bool)


def _is_real(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, float)


class Integer(Argument[int]):
    """A whole number within bounds."""

    def __init__(
        self, about: str, default: Any = REQUIRED, *, minimum: int = 1, maximum: int = LARGEST
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.maximum = minimum, maximum

    @property
    def expects(self) -> str:
        upper = f" to {self.maximum}" if self.maximum != LARGEST else ""
        return f"a whole number from {self.minimum}{upper}"

    def _read(self, value: Any) -> int:
        if not _is_whole(value):
            raise self._refuse_type()
        if not self.minimum <= value <= self.maximum:
            raise self._refuse_range()
        return value  # type: ignore[no-any-return]

    @property
    def _sample(self) -> int:
        return max(1, self.minimum)


class Real(Argument[float]):
    """A finite number within bounds, both included, or above a bound."""

    def __init__(
        self,
        about: str,
        default: Any = REQUIRED,
        *,
        minimum: float = -math.inf,
        maximum: float = math.inf,
        above: float | None = None,
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.maximum = max(minimum, -_LARGEST_REAL), min(maximum, _LARGEST_REAL)
        self.above = above

    @property
    def expects(self) -> str:
        lower = f" from {self.minimum:g}" if self.minimum != -_LARGEST_REAL else ""
        lower = f" above {self.above:g}" if self.above is not None else lower
        upper = f" to {self.maximum:g}" if self.maximum != _LARGEST_REAL else ""
        return f"a number{lower}{upper}"

    def _read(self, value: Any) -> float:
        if not _is_real(value):
            raise self._refuse_type()
        if not self.minimum <= value <= self.maximum or (self.above is not None and value <= self.above):
            raise self._refuse_range()
        return value  # type: ignore[no-any-return]

    @property
    def _sample(self) -> float:
        return min(0.5, self.maximum) if self.minimum <= 0.5 else self.minimum


class Boolean(Argument[bool]):
    """True or false."""

    @property
    def expects(self) -> str:
        return "true or false"

    def _read(self, value: Any) -> bool:
        if not isinstance(plain(value), bool):
            raise self._refuse_type()
        return value  # type: ignore[no-any-return]

    @property
    def _sample(self) -> bool:
        return True


class Text(Argument[str]):
    """Quoted text, such as a pattern."""

    def __init__(self, about: str, default: Any = REQUIRED, *, example: str) -> None:
        super().__init__(about, default)
        self._example = example

    @property
    def expects(self) -> str:
        return "text in quotes"

    def _read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._refuse_type()
        return value

    @property
    def _sample(self) -> str:
        return self._example


class Choice(Argument[str]):
    """One of a few words in quotes."""

    def __init__(self, about: str, default: Any = REQUIRED, *, options: tuple[str, ...]) -> None:
        super().__init__(about, default)
        self.options = options

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(f'"{option}"' for option in self.options)

    def _read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._refuse_type()
        if value not in self.options:
            raise self._refuse_range()
        return value

    @property
    def _sample(self) -> str:
        return self.options[0]


class PerAxis(Argument[Any]):
    """A number for every spatial axis, or a list with one for each; some take words as well.

    The bound value is what was written; `Layer.each` spreads it over the axes.
    """

    def __init__(
        self,
        about: str,
        default: Any = REQUIRED,
        *,
        minimum: int = 1,
        words: tuple[str, ...] = (),
        open_axes: bool = False,
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.words = minimum, words
        self.open_axes = open_axes
        """Whether an item of a list may be `none`."""

    @property
    def expects(self) -> str:
        words = "".join(f', or "{word}"' for word in self.words)
        none = " or `none`" if self.open_axes else ""
        return f"a whole number from {self.minimum}, or a list with one{none} for each spatial axis{words}"

    def _read(self, value: Any) -> Any:
        if isinstance(value, str) and self.words:
            if value not in self.words:
                raise self._refuse_range()
            return value
        items = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and self.open_axes:
            items = tuple(self.minimum if item is None else item for item in items)
        if not items or not all(_is_whole(item) for item in items):
            raise self._refuse_type()
        if not all(self.minimum <= item <= LARGEST for item in items):
            raise self._refuse_range()
        return value

    @property
    def _sample(self) -> int:
        return max(1, self.minimum)


class FactorPerAxis(Argument[Any]):
    """A number above 0 for every spatial axis, or a list with one for each."""

    @property
    def expects(self) -> str:
        return "a number above 0, or a list with one for each spatial axis"

    def _read(self, value: Any) -> Any:
        items = value if isinstance(value, tuple) else (value,)
        if not items or not all(_is_real(item) for item in items):
            raise self._refuse_type()
        if not all(0 < item <= LARGEST for item in items):
            raise self._refuse_range()
        return value

    @property
    def _sample(self) -> int:
        return 2


class Integers(Argument[Any]):
    """A list of whole numbers, or one alone where `single` says so."""

    def __init__(
        self, about: str, default: Any = REQUIRED, *, minimum: int = 0, single: bool = False
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.single = minimum, single

    @property
    def expects(self) -> str:
        alone = f"a whole number from {self.minimum}, or " if self.single else ""
        return f"{alone}a list of whole numbers from {self.minimum}"

    def _read(self, value: Any) -> Any:
        items = (value,) if self.single and not isinstance(value, tuple) else value
        if not isinstance(items, tuple) or not items or not all(_is_whole(item) for item in items):
            raise self._refuse_type()
        if not all(self.minimum <= item <= LARGEST for item in items):
            raise self._refuse_range()
        return value

    @property
    def _sample(self) -> Any:
        least = max(1, self.minimum)
        return least if self.single else (least, least)
