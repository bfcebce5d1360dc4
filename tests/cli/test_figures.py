"""The further figures of `netdsl check`: columns, lines and keys, and the options' mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from netdsl.analysis.cost_conventions import CONVENTIONS
from netdsl.analysis.memory import memory_of
from netdsl.analysis.outline import Outline
from netdsl.analysis.receptive_field import by_path, receptive_fields
from netdsl.analysis.totals import Totals, macs_as, output_elements
from netdsl.cli import figure_options
from netdsl.cli.figure_options import byte_count
from netdsl.cli.main import run
from netdsl.compiler import compile_spec
from netdsl.diagnostics import Faults
from netdsl.specs import shipped_specs


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["check", *words]) == 0
    return capsys.readouterr().out


def as_data(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(capsys, *words, "--format", "json"))
    return found


def test_the_options_name_the_conventions_there_are() -> None:
    """They stand twice, so that a plain check need not load what counts."""
    assert tuple(CONVENTIONS) == figure_options.CONVENTIONS


@pytest.mark.parametrize("name", shipped_specs())
def test_every_row_has_its_figures(name: str) -> None:
    """Steps are found by their paths, and those of a table's rows add up to the total."""
    network = compile_spec(name, to_print=False).network
    assert network is not None
    totals = Totals(network, macs_as("torch"))
    for levels in (1, 2, 4):
        rows = list(Outline().rows(network.graph, levels))
        macs, fields = totals.by_path(levels), by_path(receptive_fields(network, levels))

        assert [macs.get(row.path, 0) * row.members for row in rows] == [row.costs.macs for row in rows]
        run = [row for row in rows if row.layers or row.path in fields]  # what is repeated 0 times is not
        assert [fields[row.path].output for row in run] == [row.output for row in run]
    assert totals.total == network.costs.macs


def test_columns_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the options' help, behind the standard ones."""
    text = printed(capsys, "resnet18", "--receptive-field", "--activations", "--macs", "thop")
    heading = next(line for line in text.splitlines() if line.startswith("stage "))

    added = ["MACs", "(thop)", "activations", "MACs/byte", "field", "stride", "centre"]
    assert heading.split()[4:] == added
    assert "  11×11       4       0" in text
    assert "global" in text


def test_the_standard_table_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is added unless it is asked for."""
    text = printed(capsys, "resnet18")

    assert "field" not in text
    assert "memory" not in text


def test_a_depth_opens_steps_with_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows of a repeat stand for its last member."""
    text = printed(capsys, "vgg16", "--depth", "3", "--receptive-field")
    (line, *_) = [line for line in text.splitlines() if line.startswith("stage5")]

    assert "212×212" in line


def test_memory_is_told_with_the_largest_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """For the recipe's optimizer, and the recipe's batch unless another is given."""
    network = compile_spec("resnet18").network
    assert network is not None
    memory = memory_of(network, states=1)
    found = as_data(capsys, "resnet18", "--memory", "24GiB", "--batch", "32")["memory"]

    assert found["budget"] == 24 * 2**30
    assert found["optimizer"].startswith("sgd(")
    assert found["training"]["kept"] == memory.kept.of(32)
    assert found["training"]["total"] == memory.training(32)
    assert found["inference"]["total"] == memory.inference(32)
    assert found["largest_batch"]["training"] == memory.largest_batch(24 * 2**30, training=True)
    assert as_data(capsys, "resnet18", "--memory", "24GiB")["memory"]["batch"] == 256


def test_memory_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it does not count."""
    text = printed(capsys, "resnet18", "--memory", "24GiB", "--batch", "1", "--precision", "bf16")

    assert "memory of a batch of 1 in bf16, with sgd: at least" in text
    assert "workspaces, fragmentation and buffers come on top" in text


def test_json_has_the_keys_that_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """Their names are stable."""
    found = as_data(
        capsys, "googlenet", "--macs", "fvcore", "--activations", "--receptive-field", "--memory", "1GiB"
    )
    network = compile_spec("googlenet").network
    assert network is not None

    assert found["macs_as"]["total"] == Totals(network, macs_as("fvcore")).total
    assert set(found["macs_as"]) == {"convention", "total", "steps"}
    assert set(found["activations"]) == {"elements", "bytes_moved", "macs_per_byte", "steps"}
    assert found["activations"]["elements"] == Totals(network, output_elements).total
    assert found["receptive_field"]["stem"]["input"][0] == {
        "axis": "h",
        "size": 27,
        "global": False,
        "stride": 8.0,
        "centre": 6.0,
        "first": [-7],
        "last": [19],
    }
    assert set(found["memory"]) == {
        "batch",
        "precision",
        "optimizer",
        "inference",
        "training",
        "budget",
        "largest_batch",
    }


def test_a_plain_check_has_none_of_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """They are there when asked for."""
    assert not {"macs_as", "activations", "receptive_field", "memory"} & set(as_data(capsys, "lenet5"))


def test_a_plain_check_loads_nothing_of_it_and_a_figure_no_torch() -> None:
    """What is not asked for costs nothing, and what is asked for needs no torch."""
    code = (
        "import sys; from netdsl.cli.main import run; run(['check', 'lenet5']);"
        "assert not {'netdsl.cli.figures', 'netdsl.analysis.memory'} & set(sys.modules);"
        "words = ['--memory', '1GiB', '--macs', 'thop', '--activations', '--receptive-field'];"
        "run(['check', 'lenet5', *words]); assert 'torch' not in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("24GiB", 24 * 2**30),
        ("80GB", 80 * 10**9),
        ("1.5 kib", 1536),
        ("512MiB", 2**29),
        ("7", 7),
        ("2tb", 2 * 10**12),
    ],
)
def test_an_amount_of_memory_is_read(word: str, count: int) -> None:
    """With units of 1000 or of 1024, in any case."""
    assert byte_count(word) == count


@pytest.mark.parametrize("word", ["much", "24 gigs", "-1GiB", "0", "0.1", "GiB", "1e9", ""])
def test_what_is_no_amount_is_refused(word: str) -> None:
    """With an example of one."""
    with pytest.raises(Faults) as caught:
        byte_count(word)

    assert [d.code for d in caught.value.diagnostics] == ["option-value"]


@pytest.mark.parametrize("words", [["--batch", "3"], ["--precision", "bf16"]])
def test_an_option_that_would_say_nothing_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Batch and precision are those of `--memory`."""
    assert run(["check", "lenet5", *words]) == 2
    assert "`--memory`" in capsys.readouterr().err


def test_a_wrong_spec_has_no_figures(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    """Its diagnostics are told as ever."""
    file = tmp_path / "wrong.yaml"
    file.write_text("name: wrong\ninput: [3, 8, 8]\nnet: conv(4, 9)\n")

    assert run(["check", str(file), "--memory", "1GiB", "--receptive-field"]) == 1
    assert "kernel-larger-than-input" in capsys.readouterr().out
