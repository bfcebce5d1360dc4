"""Expressions are laid out as ruff lays them out, whatever they are made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from netdsl.backends.formulas import expression, literal, truth
from netdsl.backends.layout import (
    WIDTH,
    Comprehension,
    Expression,
    Item,
    Text,
    call,
    condition,
    signature,
    statement,
    tuple_of,
)
from netdsl.graph.formula import Formula

NAMES = ("c", "k", "in_channels", "growth_rate", "depths", "n", "a_rather_long_name_of_a_parameter")
LEAVES = (1, 2, 64, 0.25, True, "same", (3, 5))


def formula(random: Random, depth: int) -> Any:
    """A random formula, or a plain value."""
    if depth == 0:
        return Formula.name(random.choice(NAMES)) if random.random() < 0.7 else random.choice(LEAVES[:4])
    kind = random.choice(["+", "-", "*", "//", "**", "neg", "if", "call", "index"])
    parts = [formula(random, depth - 1) for _ in range(3)]
    if kind == "neg":
        return Formula(kind, (parts[0],))
    if kind == "if":
        return Formula(kind, (parts[0], comparison(random, 1), parts[1]))
    if kind == "call":
        return Formula(kind, (random.choice(["max", "make_divisible", "floor"]), parts[0], parts[1]))
    if kind == "index":
        return Formula(kind, (Formula.name("depths"), random.randrange(4)))
    return Formula(kind, (parts[0], parts[1]))


def comparison(random: Random, depth: int) -> Formula:
    """A random condition."""
    if depth == 0 or random.random() < 0.4:
        kind = random.choice(["==", "!=", "<", ">=", "in"])
        right = Formula("tuple", (formula(random, 0), 2)) if kind == "in" else formula(random, 1)
        return Formula(kind, (formula(random, 1), right))
    kind = random.choice(["and", "or", "not"])
    count = 1 if kind == "not" else random.choice([2, 3])
    return Formula(kind, tuple(comparison(random, depth - 1) for _ in range(count)))


def module(random: Random, depth: int) -> Expression:
    """A random construction of modules."""
    if depth == 0:
        target = random.choice(["nn.Conv2d", "nn.ReLU", "Bottleneck", "ARatherLongNameOfAClassOfModules"])
        numbers = (expression(formula(random, random.randrange(2)), {}) for _ in range(random.randrange(4)))
        named = Item(expression(formula(random, random.randrange(3)), {}), "stride=")
        return call(target, *map(Item, numbers), *([named] if random.random() < 0.4 else []))
    kind = random.randrange(3)
    parts = [module(random, depth - 1) for _ in range(random.randrange(1, 5))]
    if kind == 0:
        return call("nn.Sequential", *map(Item, parts))
    if kind == 1:
        steps = (Item(part, f"step{number}=") for number, part in enumerate(parts))
        return call("nn.Sequential", Item(call("OrderedDict", *steps)))
    repeated = Item(Comprehension(parts[0], "for i in range(n - 1)"), "*")
    return call("nn.Sequential", *map(Item, parts[1:]), repeated)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file full of random statements, each as the layout breaks it."""
    random = Random(0)
    lines = ["class A:"]
    for number in range(150):
        parameters = [f"{name}: int" for name in NAMES[: random.randrange(len(NAMES) + 1)]]
        default = Item(literal(tuple(range(random.randrange(40)))), "table: tuple[int, ...] = ")
        lines += signature(f"def method{number}", ["self", *parameters, default], " -> None:", 4)
        lines += statement(f"self.module{number} = ", module(random, random.randrange(4)), 8)
        lines += statement("self.holds = ", condition(expression(comparison(random, 2), {})), 8)
        lines += statement("assert ", condition(expression(comparison(random, 2), {})), 8)
        operands = [Text(f"branch{i}") for i in range(random.randrange(1, 14))]
        lines += statement("x = ", call("torch.cat", Item(tuple_of(*operands)), Item(Text("1"))), 8, "64×7×7")
        lines += [""]
    file = tmp_path_factory.mktemp("layout") / "page.py"
    file.write_text("\n".join(lines).rstrip() + "\n", "utf-8")
    return file


def test_a_formatter_has_nothing_to_change(page: Path) -> None:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_page_is_full_of_broken_lines(page: Path) -> None:
    """The test above has something to find: many statements need more than one line."""
    lines = page.read_text("utf-8").splitlines()

    assert sum(line.strip() in (")", "]") for line in lines) > 200
    assert max(map(len, lines)) >= WIDTH


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Formula("*", (64, Formula("**", (2, Formula.name("i"))))), "64 * 2**i"),
        (Formula("*", (Formula("+", (Formula.name("c"), 1)), 2)), "(c + 1) * 2"),
        (Formula("-", (8, Formula("-", (Formula.name("c"), 1)))), "8 - (c - 1)"),
        (Formula("neg", (Formula("**", (Formula.name("c"), 2)),)), "-(c**2)"),
        (Formula("**", (Formula("index", (Formula.name("c"), 0)), 2)), "c[0] ** 2"),
        (Formula("call", ("floor", Formula("/", (Formula.name("c"), 2)))), "math.floor(c / 2)"),
        (Formula("==", (Formula.name("pad"), None)), "pad is None"),
        (Formula("not", (Formula("in", (Formula.name("c"), (1, 2))),)), "c not in (1, 2)"),
        ("same", '"same"'),
        ("it's", '"it\'s"'),
        ((3,), "(3,)"),
        (float("inf"), "math.inf"),
        (-1, "-1"),
    ],
)
def test_values_are_written_as_python_writes_them(value: Any, text: str) -> None:
    assert expression(value, {}).flat == text


def test_names_are_changed_where_they_must_be() -> None:
    assert expression(Formula("+", (Formula.name("l"), 1)), {"l": "l_"}).flat == "l_ + 1"


@pytest.mark.parametrize("seed", range(40))
def test_formulas_keep_their_value_and_their_grouping(seed: int) -> None:
    """Python computes from the printed text what the formula gives."""
    random = Random(seed)
    values: dict[str, Any] = {name: number for number, name in enumerate(NAMES, 2)} | {"depths": (2, 3, 4, 5)}
    drawn = formula(random, 2)
    if not isinstance(drawn, Formula):
        return
    scope = values | {"math": __import__("math"), "make_divisible": lambda value, divisor: value + divisor}
    try:
        expected = drawn.substitute(values | {})
    except (ArithmeticError, TypeError, ValueError):
        return
    text = expression(drawn, {}).flat
    if "make_divisible" not in text:
        assert eval(text, scope) == expected  # noqa: S307 - our own text


def test_conditions_are_said_briefly() -> None:
    c = Formula.name("c")

    assert truth(Formula("and", (Formula("==", (c, c)), Formula(">", (c, 1))))) == Formula(">", (c, 1))
    assert truth(Formula("and", (Formula(">", (c, 1)), False))) is False
    assert truth(Formula("not", (Formula("<", (c, c)),))) is True


def test_what_cannot_be_a_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be printed"):
        literal(object())
