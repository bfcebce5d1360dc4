"""The catalogue says what netdsl says: every code is documented, and every example gives its diagnostic."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdsl import compiler
from netdsl.cli.main import main
from netdsl.diagnostics.catalog import Rule, explain, rules

ROOT = Path(__file__).parents[2]
MAKERS = {"Diagnostic", "Problem", "BadArgument", "fault", "report", "refuse", "_add", "_refuse", "_problem"}
"""The calls that make a diagnostic; their first argument, or `code=`, is its code."""


def codes_in(root: Path) -> Iterator[tuple[str, str]]:
    """Every code that stands in a call below a folder, as a regular expression, with its place."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and (code := _code(node)) is not None:
                yield code, f"{path.name}:{node.lineno}"
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                yield from ((code, path.name) for code in _table(node))


def _code(call: ast.Call) -> str | None:
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


def _table(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """The codes of `language.mistakes`, which stand as keys of a dictionary."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(isinstance(t, ast.Name) and t.id == "REMEDIES" for t in targets) and isinstance(
        node.value, ast.Dict
    ):
        keys = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
        yield from (re.escape(key) for key in keys if isinstance(key, str))


def test_every_code_is_documented() -> None:
    """A diagnostic that somebody can meet can be looked up."""
    missing = [f"{code} ({place})" for code, place in codes_in(ROOT / "netdsl") if not _matches(code)]

    assert missing == []


def _matches(code: str) -> bool:
    return any(re.fullmatch(code, known) for known in rules())


def test_every_documented_code_is_used() -> None:
    """The reference speaks of nothing that netdsl no longer says."""
    used = [code for code, _ in codes_in(ROOT / "netdsl")]

    assert [known for known in rules() if not any(re.fullmatch(code, known) for code in used)] == []


def test_a_code_without_documentation_is_found(tmp_path: Path) -> None:
    """The first test can fail: it sees each way in which a code is written."""
    (tmp_path / "a.py").write_text(
        'Diagnostic(code="one-way")\nself.report("another-way")\nProblem("a-third")\nfault(f"a-{x}")\n'
        'REMEDIES = {"a-fifth": ()}\nfault(code)\nother("not-a-code")\n'
    )

    found = sorted(code.replace("\\", "") for code, _ in codes_in(tmp_path))

    assert found == ["a-[a-z-]+", "a-fifth", "a-third", "another-way", "one-way"]
    assert not any(_matches(code) for code in found if code != "a-[a-z-]+")


SPECS = [rule for rule in rules().values() if rule.form == "spec"]
COMMANDS = [rule for rule in rules().values() if rule.form == "command"]


def codes_of(text: str, folder: Path) -> list[str]:
    """The codes that checking a text gives; a line `--- name.yaml` begins another file beside it."""
    files = re.split(r"^--- (\S+)\n", text, flags=re.MULTILINE)
    for name, content in zip(files[1::2], files[2::2], strict=True):
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(files[0], encoding="utf-8")
    return [diagnostic.code for diagnostic in compiler.check(path).diagnostics]


@pytest.mark.parametrize("rule", SPECS, ids=lambda rule: rule.code)
def test_an_example_gives_its_diagnostic_and_no_other(rule: Rule, tmp_path: Path) -> None:
    """What the catalogue shows as wrong is wrong in that way alone."""
    assert codes_of(rule.example, tmp_path) == [rule.code]


@pytest.mark.parametrize("rule", SPECS, ids=lambda rule: rule.code)
def test_what_is_written_instead_is_right(rule: Rule, tmp_path: Path) -> None:
    """The remedy is one."""
    assert codes_of(rule.instead, tmp_path) == []


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
