"""The command `netdsl` as people and programs meet it: words, streams, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netdsl import compiler
from netdsl.cli import main as command
from netdsl.cli.main import main
from netdsl.version import VERSION

WRONG = "name: wrong\ninput: [3, 32, 32]\nnet: x + conv(64, 3, padding=1)\n"
RIGHT = """\
name: right
about: a test's
input: [3, 32, 32]
params: {width: 8}
net:
  body: conv(width, 3) -> relu
"""

Output = pytest.CaptureFixture[str]


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """The path of a spec with one fault."""
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    return str(path)


@pytest.fixture
def right(tmp_path: Path) -> str:
    """The path of a spec without fault."""
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT)
    return str(path)


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m netdsl` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "netdsl", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


# Exit codes


def test_a_right_spec_is_0_and_a_wrong_one_1(right: str, wrong: str, capsys: Output) -> None:
    """The worst of several counts."""
    assert main(["check", right]) == 0
    assert main(["check", wrong]) == 1
    assert main(["check", right, wrong, right]) == 1
    assert "error[add-shapes]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "help"),
    [
        (["chekc", "lenet5"], "unknown-verb", "did you mean `check`?"),
        (["--frobnicate"], "unknown-option", "a verb comes first: see `netdsl --help`"),
        (["check", "lenet5", "--fromat", "json"], "unknown-option", "did you mean `--format`?"),
        (["check", "lenet5", "--format=jsn"], "option-value", "did you mean `json`?"),
        (["check", "lenet5", "--depth", "0"], "option-value", "write a number such as 1"),
        (["check", "lenet5", "--depth", "two"], "option-value", "write a number such as 1"),
        (["check", "lenet5", "--sizes", "32"], "option-value", "write one such as `1..512`"),
        (["check", "lenet5", "--sizes", "9..1"], "option-value", "write one such as `1..512`"),
        (["check", "lenet5", "--sizes", "1..9999"], "option-value", "write `1..8192`"),
        (["check"], "command-line", "see `netdsl check --help`"),
        (["check", "lenet5", "--set"], "command-line", "see `netdsl check --help`"),
        (["emit", "lenet5", "resnet18"], "command-line", "see `netdsl emit --help`"),
        (["train", "lenet5", "epochs=1"], "command-line", "write `--epochs 1`"),
        (["train", "lenet5", "classes=3"], "command-line", "write `--set classes=3`"),
        (["check", "lenet5", "--set", "classes"], "set-form", "write `--set classes=10`"),
        (["check", "lenet5", "--set", "a=1", "--set", "a=2"], "set-twice", "leave one out"),
        (["check", "lenet"], "missing-spec", "did you mean `lenet5`?"),
        (["check", "lenet5", "--set", "clases=3"], "unknown-parameter", "did you mean `classes`?"),
        (["check", "lenet5", "--set", "classes=3 4"], "missing-arrow", "join them with `->`"),
        (["emit", "lenet5", "--set", "clases=3"], "unknown-parameter", "did you mean `classes`?"),
        (["layers", "cnov"], "unknown-layer", "did you mean `conv`?"),
        (["rule", "add-shape"], "unknown-rule", "did you mean `add-shapes`?"),
    ],
)
def test_a_wrong_command_line_is_2_with_the_nearest_right_one(
    words: list[str], code: str, help: str, capsys: Output
) -> None:
    """It is a diagnostic like a spec's: a code, one fact, a remedy."""
    assert main(words) == 2

    output = capsys.readouterr()
    said = output.out + output.err
    assert f"error[{code}]: " in said
    assert f"= help: {help}\n" in said
    assert "Traceback" not in said


def test_options_are_not_abbreviated(right: str, capsys: Output) -> None:
    """`--dep` works until somebody adds `--dephase`."""
    assert main(["check", right, "--dep", "2"]) == 2
    assert "unknown-option" in capsys.readouterr().err


def test_netdsls_own_fault_is_neither(right: str, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """An unexpected exception says whose it is, with what its authors need, and has a code of its own."""

    def fail(*_: object, **__: object) -> None:
        message = "something nobody thought of"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(compiler, "check", fail)

    assert main(["check", right]) == command.BUG
    said = capsys.readouterr().err
    assert "something nobody thought of" in said
    assert f"this is a bug in netdsl {VERSION}, not in your spec" in said


def test_an_interrupt_is_no_traceback(right: str, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """Ctrl-C is a wish, not a fault."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compiler, "check", interrupt)

    assert main(["check", right]) == command.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


# Pages


def test_the_overview_names_every_verb(capsys: Output) -> None:
    """Asked for, it is 0; printed because no verb was given, 2."""
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert all(f"\n  {verb} " in page for verb in command.VERBS)
    assert main([]) == 2
    assert capsys.readouterr().out == page


@pytest.mark.parametrize("verb", command.VERBS)
def test_every_verb_has_a_page(verb: str, capsys: Output) -> None:
    """Its module's own words, and a sentence for each option."""
    assert main([verb, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"usage: netdsl {verb} ")
    assert (command.load(verb).__doc__ or "").splitlines()[0] in page


def test_the_version_is_the_packages(capsys: Output) -> None:
    """One place says it."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"netdsl {VERSION}\n"


# Streams


def test_python_m_netdsl_is_the_command(right: str, wrong: str) -> None:
    """Exit codes reach the shell."""
    assert process("check", right).returncode == 0
    done = process("check", wrong)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_reader_that_goes_away_is_no_fault(right: str) -> None:
    """`netdsl check … | head -1` ends quietly."""
    script = f'"{sys.executable}" -m netdsl check {right} {right} {right} --format json'
    shell = f"set -o pipefail; {script} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)

    assert done.stderr == ""
    assert done.stdout.strip() in ("0", str(command.NOBODY_READS))


def test_a_closed_pipe_is_met_while_writing(tmp_path: Path) -> None:
    """The same where more is written than a pipe holds."""
    deep = tmp_path / "deep.yaml"
    deep.write_text("name: deep\ninput: [3, 8, 8]\nnet: relu * 5000\n")
    script = (
        f'"{sys.executable}" -m netdsl check {deep} --format json | head -c 10; echo " ${{PIPESTATUS[0]}}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert done.stderr == ""
    assert done.stdout == f'{{"name": " {command.NOBODY_READS}\n'


def test_a_stream_that_cannot_show_a_sign_gets_an_escape(right: str) -> None:
    """An ASCII terminal is no reason to fail."""
    done = process("check", right, PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "8\\xd730\\xd730" in done.stdout


def test_what_a_spec_says_cannot_steer_the_terminal(tmp_path: Path, capsys: Output) -> None:
    """Neither a spec's text nor its file's name reaches a terminal as a command."""
    path = tmp_path / "a\x1b[31mb.yaml"
    path.write_text("name: a\nabout: \x1b]0;title\x07\ninput: [3, 8, 8]\nnet: relu\n")

    assert main(["check", str(path)]) == 1
    assert main(["check", f"no\x1b[31m{path}"]) == 2
    output = capsys.readouterr()
    assert "\x1b" not in output.out + output.err
    assert "\x07" not in output.out + output.err


# check


def test_the_table_has_every_stage_and_the_total(right: str, capsys: Output) -> None:
    """The whole of it, as a person reads it."""
    assert main(["check", right]) == 0
    assert capsys.readouterr().out == (
        "right: a test's\n"
        "input 3×32×32\n"
        "\n"
        "stage  layers       output  parameters   MACs\n"
        "─────────────────────────────────────────────\n"
        "body   conv, relu  8×30×30         224  194 k\n"
        "─────────────────────────────────────────────\n"
        "total  2 layers    8×30×30         224  194 k\n"
    )


def test_set_replaces_a_parameter(right: str, capsys: Output) -> None:
    """Text is read as the spec's own; an unknown name is a fault of the command line's text."""
    assert main(["check", right, "--set", "width=2**4", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == [16, 30, 30]


def test_json_is_one_object_per_line_and_spec(right: str, wrong: str, capsys: Output) -> None:
    """The fields that others rely on, present whether the spec is right, wrong or missing."""
    assert main(["check", right, wrong, "nowhere.yaml", "--format", "json"]) == 2
    good, bad, missing = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert good == {
        "name": "right",
        "ok": True,
        "input": [3, 32, 32],
        "output": [8, 30, 30],
        "params": 224,
        "macs": 194400,
        "layers": 2,
        "stages": [{"name": "body", "output": [8, 30, 30], "params": 224, "macs": 194400}],
        "nodes": [
            {"path": "body.conv1", "layer": "conv", "output": [8, 30, 30], "params": 224, "macs": 194400},
            {"path": "body.relu1", "layer": "relu", "output": [8, 30, 30], "params": 0, "macs": 0},
        ],
        "claims": [],
        "diagnostics": [],
    }
    assert list(bad) == list(missing) == list(good)
    assert not bad["ok"]
    assert not missing["ok"]
    (diagnostic,) = bad["diagnostics"]
    assert (diagnostic["code"], diagnostic["line"], diagnostic["severity"]) == ("add-shapes", 3, "error")
    assert missing["diagnostics"][0]["code"] == "missing-spec"


def test_github_prints_annotations_alone(right: str, wrong: str, capsys: Output) -> None:
    """Nothing where nothing is wrong."""
    assert main(["check", right, "--format", "github"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["check", wrong, "--format", "github"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("::error title=error[add-shapes],file=")


def test_sarif_is_one_log_for_all_specs(right: str, wrong: str, capsys: Output) -> None:
    """With a documented rule for each code."""
    assert main(["check", right, wrong, wrong, "--format", "sarif"]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["add-shapes", "add-shapes"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"].endswith(".")


def test_every_shipped_spec_holds_what_it_claims(capsys: Output) -> None:
    """`netdsl specs` lists them all, and `check` finds nothing wrong with any."""
    names = compiler.shipped_specs() if hasattr(compiler, "shipped_specs") else ()
    assert main(["specs"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert main(["check", *listed]) == 0
    assert not names or list(names) == listed


# emit


def test_emit_writes_what_it_prints(right: str, tmp_path: Path, capsys: Output) -> None:
    """The same source to a file or to the terminal, and it is Python."""
    assert main(["emit", right]) == 0
    printed = capsys.readouterr().out
    compile(printed, "emitted", "exec")
    target = tmp_path / "net.py"
    assert main(["emit", right, "-o", str(target)]) == 0
    assert target.read_text() == printed
    assert capsys.readouterr().out == ""


def test_emit_of_a_wrong_spec_prints_no_source(wrong: str, tmp_path: Path, capsys: Output) -> None:
    """Its diagnostics go to the other stream, and no file is begun."""
    target = tmp_path / "net.py"
    assert main(["emit", wrong, "-o", str(target)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "error[add-shapes]" in output.err
    assert not target.exists()


# layers, rule


def test_layers_lists_and_documents_every_layer(capsys: Output) -> None:
    """Each that is listed has a page of its own that begins with how it is called."""
    assert main(["layers"]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert {"conv", "rearrange", "x", "from", "se"} <= set(words)
    for word in words:
        assert main(["layers", word]) == 0
        assert capsys.readouterr().out.startswith(word)


def test_rule_lists_and_explains_every_diagnostic(capsys: Output) -> None:
    """Each that is listed can be looked up."""
    assert main(["rule"]) == 0
    codes = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert len(codes) > 100
    for code in codes:
        assert main(["rule", code]) == 0
        assert capsys.readouterr().out.startswith(f"{code}: ")
