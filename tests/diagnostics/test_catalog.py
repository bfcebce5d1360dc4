"""The catalogue says what netdsl says: every code is documented, and every example gives its diagnostic."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from netdsl import compiler
from netdsl.analysis.lints.choice import Lints
from netdsl.cli.main import main
from netdsl.diagnostics.catalog import Rule, explain, rules
from netdsl.language.mistakes import REMEDIES

ROOT = Path(__file__).parents[2]
MAKERS = {"Diagnostic", "Problem", "BadArgument", "fault", "report", "warning", "_add", "_refuse", "_problem"}
"""The calls that make a diagnostic; their first argument, or `code=`, is its code."""

NOT_CODES = {"nearest-exact", "t-shirt"}
"""Texts of netdsl that look like codes and are a mode of `upsample` and a class of Fashion-MNIST."""


def codes_in(root: Path) -> Iterator[tuple[str, str]]:
    """Every code in the modules below a folder, as a regular expression, with its place.

    A code is what a maker of diagnostics is given, and any text of words joined by hyphens: some makers take
    their codes from tables.
    """
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            code = None
            if isinstance(node, ast.Call):
                code = _made(node)
            elif isinstance(node, ast.Constant) and _is_hyphened(node.value):
                code = re.escape(node.value)
            if code is not None:
                yield code, f"{path.name}:{getattr(node, 'lineno', 0)}"


def _is_hyphened(value: object) -> TypeGuard[str]:
    is_code = isinstance(value, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", value)
    return bool(is_code) and value not in NOT_CODES


def _made(call: ast.Call) -> str | None:
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
    if name not in MAKERS:
        return None
    given = [keyword.value for keyword in call.keywords if keyword.arg == "code"] or call.args[:1]
    value = given[0] if given else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return re.escape(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(
            re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z-]+" for p in value.values
        )
    return None


def test_every_code_is_documented() -> None:
    """A diagnostic that somebody can meet can be looked up."""
    missing = sorted(f"{place}: {code}" for code, place in codes_in(ROOT / "netdsl") if not _matches(code))

    assert missing == []


def _matches(code: str) -> bool:
    return any(re.fullmatch(code, known) for known in rules())


def test_every_documented_code_is_used() -> None:
    """The reference speaks of nothing that netdsl no longer says."""
    used = {code for code, _ in codes_in(ROOT / "netdsl")} | {re.escape(code) for code in REMEDIES}

    assert [known for known in rules() if not any(re.fullmatch(code, known) for code in used)] == []


def test_a_code_without_documentation_is_found(tmp_path: Path) -> None:
    """The first test can fail: it sees each way in which a code is written."""
    (tmp_path / "a.py").write_text(
        'Diagnostic(code="oneway")\nself.report("another")\nfault(f"a-{x}")\n'
        'TABLE = {"in-a-table": 1}\nfault(code)\nother("word")\nmode = "nearest-exact"\n'
    )

    found = sorted(code.replace("\\", "") for code, _ in codes_in(tmp_path))

    assert found == ["a-[a-z-]+", "another", "in-a-table", "oneway"]
    assert not any(_matches(code) for code in ("oneway", "another", "in-a-table"))


SPECS = [rule for rule in rules().values() if rule.form == "spec"]
COMMANDS = [rule for rule in rules().values() if rule.form == "command"]


def codes_of(text: str, folder: Path, lints: Lints | None = None) -> list[str]:
    """The codes that checking a text gives; a line `--- name.yaml` begins another file beside it."""
    files = re.split(r"^--- (\S+)\n", text, flags=re.MULTILINE)
    for name, content in zip(files[1::2], files[2::2], strict=True):
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(files[0], encoding="utf-8")
    return [diagnostic.code for diagnostic in compiler.check(path, lints=lints).diagnostics]


@pytest.mark.parametrize("rule", SPECS, ids=lambda rule: rule.code)
def test_an_example_gives_its_diagnostic_and_no_other(rule: Rule, tmp_path: Path) -> None:
    """What the catalogue shows as wrong is wrong in that way alone."""
    lints = Lints() if rule.part == "lints" else None
    assert codes_of(rule.example, tmp_path, lints) == [rule.code]


@pytest.mark.parametrize("rule", SPECS, ids=lambda rule: rule.code)
def test_what_is_written_instead_is_right(rule: Rule, tmp_path: Path) -> None:
    """The remedy is one."""
    lints = Lints() if rule.part == "lints" else None
    assert codes_of(rule.instead, tmp_path, lints) == []


@pytest.mark.parametrize("rule", COMMANDS, ids=lambda rule: rule.code)
def test_an_example_command_gives_its_diagnostic(rule: Rule, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for command lines: the example is refused with its code, the other one is not."""
    name, *words = shlex.split(rule.example)
    assert name == "netdsl"
    assert main(words) != 0
    said = "".join(capsys.readouterr())
    assert f"[{rule.code}]" in said
    _, *words = shlex.split(rule.instead)
    assert main(words) == 0


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.code)
def test_a_rule_is_written_as_the_others(rule: Rule) -> None:
    """A code is a phrase in kebab-case, and each text says something."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.code)
    for text in (rule.what, rule.why):
        assert text.strip() == text
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")
    assert rule.what.count("\n") == 0
    assert rule.code in explain(rule)
