"""`netdsl diff` as people and programs meet it: the table, JSON, exit codes."""

import json
import re
from pathlib import Path

import pytest

from netdsl.cli.diff_table import grown, signed
from netdsl.cli.main import main

Output = pytest.CaptureFixture[str]

SPEC = """\
name: small
input: [3, 16, 16]
params: {width: 8}
net:
  body: conv(width, 3) -> relu
  head: flatten -> linear(10)
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The path of a spec."""
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return str(path)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """The path of the spec with its kernel changed."""
    path = tmp_path / "other.yaml"
    path.write_text(SPEC.replace("conv(width, 3)", "conv(width, 5)"))
    return str(path)


def test_a_change_and_what_follows(small: str, other: str, capsys: Output) -> None:
    """Both totals, the change, its consequence, the sum."""
    assert main(["diff", small, other]) == 0
    lines = [re.sub(" {2,}", "  ", line) for line in capsys.readouterr().out.splitlines()]

    assert lines[:3] == [
        f"{small} → {other}",
        "parameters  15,914 → 12,138  −3,776  −23.7 %",
        "MACs  58,016 → 97,920  +39,904  +68.8 %",
    ]
    assert lines[4].split("  ") == ["where", "what", "parameters", "MACs"]
    assert lines[6:8] == [
        "body.conv1  conv: kernel_size 3 → 5  +384  +44,064",
        "  because of it: head.linear1  −4,160  −4,160",
    ]
    assert lines[-1] == "total  −3,776  +39,904"


def test_a_spec_against_itself_set_otherwise(small: str, capsys: Output) -> None:
    """With one spec, `--set` makes the other; with two it holds for both."""
    assert main(["diff", small, "--set", "width=16"]) == 0
    said = capsys.readouterr().out
    assert "small → with width=16\n" in said
    assert "conv: out_channels 8 → 16" in said

    assert main(["diff", small, small, "--set", "width=16"]) == 0
    assert "the same network" in capsys.readouterr().out


def test_nothing_to_compare_with_is_the_command_lines_fault(small: str, capsys: Output) -> None:
    """One spec alone is no difference."""
    assert main(["diff", small]) == 2
    assert "has nothing to be compared with" in capsys.readouterr().err


def test_exit_codes(small: str, other: str, tmp_path: Path, capsys: Output) -> None:
    """Differing is fine, unless asked for; a wrong spec is not."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SPEC.replace("relu", "rleu"))

    assert main(["diff", small, other]) == 0
    assert main(["diff", small, other, "--exit-code"]) == 1
    assert main(["diff", small, small, "--exit-code"]) == 0
    assert main(["diff", small, str(wrong)]) == 1
    assert "unknown-name" in capsys.readouterr().err
    assert main(["diff", small, "nowhere"]) == 2


def test_a_claim_that_no_longer_holds_is_no_hindrance(small: str, tmp_path: Path, capsys: Output) -> None:
    """A copy with one layer changed still says what the original's figures were."""
    claiming = tmp_path / "claiming.yaml"
    claiming.write_text(SPEC + "claims: {params: 1}\n")

    assert main(["diff", small, str(claiming)]) == 0
    assert "the same network" in capsys.readouterr().out


def test_json_holds_what_the_table_says(small: str, other: str, capsys: Output) -> None:
    """Changes with figures that add up with those of the consequences."""
    assert main(["diff", small, other, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert (found["before"]["params"], found["after"]["params"]) == (15_914, 12_138)
    (change,) = found["changes"]
    (consequence,) = found["consequences"]
    assert (change["kind"], change["places"]) == ("arguments", ["body.conv1"])
    assert (consequence["of"], consequence["places"]) == (0, ["head.linear1"])
    assert change["params"] + consequence["params"] == found["params"]
    assert change["macs"] + consequence["macs"] == found["macs"]


@pytest.mark.parametrize("pair", [("lenet5", "alexnet"), ("resnet18", "resnet34"), ("vgg16", "googlenet")])
@pytest.mark.parametrize("summary", [[], ["--summary"]])
def test_the_printed_figures_add_up(pair: tuple[str, str], summary: list[str], capsys: Output) -> None:
    """Down to the last digit, by lines and by stages."""
    assert main(["diff", *pair, *summary]) == 0
    table = capsys.readouterr().out.split("\n\n")[1]
    _, rows, total, *_ = re.split("─+\n", table)
    figures = re.findall(r"([+−][\d,]+|0) +([+−][\d,]+|0)$", rows, re.MULTILINE)
    sums = [sum(int(row[i].replace(",", "").replace("−", "-")) for row in figures) for i in (0, 1)]

    assert [signed(number) for number in sums] == total.split()[1:3]


def test_a_summary_has_a_line_for_each_stage(capsys: Output) -> None:
    """What kinds of layers came, went and changed."""
    assert main(["diff", "resnet50", "se_resnet50", "--summary"]) == 0
    rows = capsys.readouterr().out.split("\n\n")[1].splitlines()

    assert re.sub(" {2,}", "  ", rows[2]) == (
        "body  + 16 global_avgpool, 32 conv, 16 relu, 16 sigmoid, 16 mul  +2,530,992  +2,514,944"
    )


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (0, 10, ""),
        (10, 10, ""),
        (1000, 1099, "+9.9 %"),
        (1000, 501, "−49.9 %"),
        (1000, 500, "×0.5"),
        (1000, 2020, "×2.02"),
        (1, 1715, "×1,715"),
        (10**6, 10**6 + 300, "+0.03 %"),
    ],
)
def test_growth_is_said_as_one_would(before: int, after: int, text: str) -> None:
    """Per cent as long as it is less than twice as much; never a zero where there is a difference."""
    assert grown(before, after) == text
