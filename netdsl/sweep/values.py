"""The values of a factor as they are typed: `0.1..1.7:0.1`, `2**1..2**10`, `relu,"sgd(lr=0.1)"` → texts.

Ranges include both ends and are counted in decimals: `0.1..0.3:0.1` is 0.1, 0.2, 0.3 and nothing near.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import reduce

from netdsl.diagnostics import Faults, fault

MOST_VALUES = 1000
"""Values of one range."""
_RANGE = re.compile(r"(?P<first>[-+\d.eE*]*?\d\.?)\.\.(?P<last>[-+\d.eE*]+)(:(?P<step>[-+\d.eE]+))?\Z")
_POWER = re.compile(r"(?P<base>\d+)\*\*(?P<exponent>-?\d+)\Z")
_OPENING, _CLOSING = "([{", ")]}"


def read_values(name: str, text: str) -> tuple[str, ...]:
    """The values that a factor takes, in order, each once.

    >>> read_values("lr", "0.1..0.3:0.1")
    ('0.1', '0.2', '0.3')
    >>> read_values("batch", "2**1..2**4,100")
    ('2', '4', '8', '16', '100')
    >>> read_values("optimizer", "sgd(lr=0.1, momentum=0.9),adam")
    ('sgd(lr=0.1, momentum=0.9)', 'adam')

    Raises:
        Faults: the text has no value, or a range that leads nowhere; exit code 2.
    """
    values: list[str] = []
    for item in split(text):
        if not item:
            raise _wrong(name, f"`{text}` has an empty value", "write values with commas between: `0.1,0.2`")
        values += _unfolded(name, item)
    return tuple(dict.fromkeys(values))


def split(text: str) -> list[str]:
    """The parts between the commas that stand in no brackets and no quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _unfolded(name: str, item: str) -> list[str]:
    """A range's values, or the value itself."""
    found = _RANGE.match(item)
    if found is None and item.endswith(":log"):
        help = "add `--search 50`, or write a range with a step: `0.1..1.7:0.1`, `2**1..2**10`"
        raise _wrong(name, f"`{item}` is an interval to search in", help)
    if found is None:
        return [item]
    first, last, step = found["first"], found["last"], found["step"]
    if "**" in first or "**" in last:
        return _powers(name, item, first, last, step)
    values = _decimals(name, item, first, last, step)
    return [spell_decimal(value) for value in values]


def _powers(name: str, item: str, first: str, last: str, step: str | None) -> list[str]:
    low, high = _POWER.match(first), _POWER.match(last)
    if low is None or high is None or low["base"] != high["base"]:
        raise _wrong(name, f"`{item}` is no range of powers", "write one such as `2**1..2**10`")
    base = Decimal(low["base"])
    exponents = _decimals(name, item, low["exponent"], high["exponent"], step)
    if any(exponent != int(exponent) for exponent in exponents):
        raise _wrong(name, f"`{item}` has a step that is not whole", "write `2**1..2**9:2`")
    return [spell_decimal(base ** int(exponent)) for exponent in exponents]


def _decimals(name: str, item: str, first: str, last: str, step: str | None) -> list[Decimal]:
    try:
        low, high = Decimal(first), Decimal(last)
        if step is None and not (low == int(low) and high == int(high)):
            raise _wrong(name, f"`{item}` has no step", f"write it behind a colon: `{item}:0.1`")
        stride = Decimal(step or 1)
    except InvalidOperation:
        help = "write `FIRST..LAST:STEP` in numbers: `0.1..1.7:0.1`"
        raise _wrong(name, f"`{item}` is no range of numbers", help) from None
    if stride <= 0 or high < low:
        raise _wrong(name, f"`{item}` leads nowhere", "write the smaller end first and a step above 0")
    count = int((high - low) / stride) + 1
    if count > MOST_VALUES:
        help = f"take a larger step; a factor has at most {MOST_VALUES:,} values"
        raise _wrong(name, f"`{item}` has {count:,} values", help)
    return [low + number * stride for number in range(count)]


def spell_decimal(value: Decimal) -> str:
    """A number as one writes it: without an exponent, without zeros that say nothing."""
    return format(value.normalize(), "f")


def as_number(text: str) -> float | None:
    """A value as a number; None where it is a word."""
    try:
        return float(text)
    except ValueError:
        return None


def same_value(one: str, other: str) -> bool:
    """Whether two texts say the same: `1` and `1.0` do."""
    numbers = as_number(one), as_number(other)
    return one == other if None in numbers else numbers[0] == numbers[1]


def read_factors(words: Iterator[str] | list[str]) -> dict[str, tuple[str, ...]]:
    """The factors of a command line, `name=values` each.

    Raises:
        Faults: a word is not of that form, or a name stands twice; exit code 2.
    """

    def with_word(found: dict[str, tuple[str, ...]], word: str) -> dict[str, tuple[str, ...]]:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not (name and equals and text):
            message = f"`{word}` is not of the form NAME=VALUES"
            raise fault("sweep-values", message, help="write a factor such as `lr=0.1,0.2`")
        if name in found:
            raise _wrong(name, "it is given twice", "name all of its values together")
        return {**found, name: read_values(name, text)}

    return reduce(with_word, words, {})


def _wrong(name: str, message: str, help: str) -> Faults:
    return fault("sweep-values", f"the values of `{name}`: {message}", help=help)
