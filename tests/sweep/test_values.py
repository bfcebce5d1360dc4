"""Values as they are typed."""

from decimal import Decimal

import pytest

from netdsl import Faults
from netdsl.sweep.values import read_factors, read_values, same_value, split


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", ["3"]),
        ("3,4,5", ["3", "4", "5"]),
        ("1..3", ["1", "2", "3"]),
        ("0.1..0.3:0.1", ["0.1", "0.2", "0.3"]),
        ("0.9..1.1:0.1", ["0.9", "1", "1.1"]),
        ("-0.2..0:0.1", ["-0.2", "-0.1", "0"]),
        ("1e-3..3e-3:1e-3", ["0.001", "0.002", "0.003"]),
        ("1..6:2", ["1", "3", "5"]),
        ("2**1..2**4", ["2", "4", "8", "16"]),
        ("10**-2..10**0", ["0.01", "0.1", "1"]),
        ("2**0..2**4:2", ["1", "4", "16"]),
        ("1..2,8..9", ["1", "2", "8", "9"]),
        ("2,2,1..2", ["2", "1"]),
        ("sgd(lr=0.1, momentum=0.9),adam", ["sgd(lr=0.1, momentum=0.9)", "adam"]),
        ("[1,28,28],[1,32,32]", ["[1,28,28]", "[1,32,32]"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("folder:../a..b", ["folder:../a..b"]),
    ],
)
def test_values_unfold(text: str, values: list[str]) -> None:
    """Lists, ranges of numbers and of powers; what stands in brackets or quotes stays together."""
    assert list(read_values("x", text)) == values


def test_a_range_is_exact() -> None:
    """Each value is first + n·step in decimals, both ends included, and no 0.30000000000000004 among them."""
    values = read_values("lr", "0.1..1.7:0.1")

    assert [Decimal(value) for value in values] == [Decimal(n) / 10 for n in range(1, 18)]


@pytest.mark.parametrize(
    "text", ["", ",", "1,,2", "0.1..0.3", "3..1", "1..3:0", "1..3:-1", "1..2..3", "2**1..3**4", "1..1000001"]
)
def test_values_that_lead_nowhere_are_refused(text: str) -> None:
    """Each with a diagnostic of its own code."""
    with pytest.raises(Faults) as refused:
        read_values("lr", text)
    assert [diagnostic.code for diagnostic in refused.value.diagnostics] == ["sweep-values"]


def test_factors_stand_once() -> None:
    """Name and values, joined by the first equals sign."""
    assert read_factors(["lr=0.1,0.2", "optimizer=sgd(lr=1)"]) == {
        "lr": ("0.1", "0.2"),
        "optimizer": ("sgd(lr=1)",),
    }
    for words in (["lr"], ["lr="], ["=1"], ["lr=1", "lr=2"]):
        with pytest.raises(Faults, match="sweep-values"):
            read_factors(words)


def test_numbers_are_the_same_however_they_are_spelled() -> None:
    """Words only where they are equal."""
    assert same_value("1", "1.0")
    assert same_value("1e-3", "0.001")
    assert same_value("relu", "relu")
    assert not same_value("1", "one")
    assert not same_value("0.1", "0.2")


def test_splitting_keeps_what_belongs_together() -> None:
    """Commas at the top alone part values."""
    assert split("a(b,c),[d,e], f ") == ["a(b,c)", "[d,e]", "f"]
