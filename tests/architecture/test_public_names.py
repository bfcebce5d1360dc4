"""What others build on: the names of the package, the verbs of the command, the fields of JSON.

To add one, add it here as well: that is the moment to ask whether it can be kept for years. To take one away
or to rename it breaks somebody's work.
"""

import re
from pathlib import Path

import netdsl
from netdsl.cli.main import VERBS

PUBLIC = {
    "Diagnostic",
    "Faults",
    "Layer",
    "Report",
    "__version__",
    "build",
    "check",
    "emit",
    "layer",
    "shipped_specs",
    "train",
    "weights",
}
REPORT = {
    "claims",
    "diagnostics",
    "heads",
    "input",
    "inputs",
    "is_too_long_to_list",
    "layers",
    "macs",
    "name",
    "network",
    "nodes",
    "ok",
    "output",
    "params",
    "so_far",
    "stages",
}
VERB_NAMES = {
    "check",
    "diff",
    "emit",
    "eval",
    "explain",
    "export",
    "fmt",
    "layers",
    "lsp",
    "new",
    "port",
    "predict",
    "rule",
    "runs",
    "schema",
    "show",
    "specs",
    "sweep",
    "train",
}


def test_the_package_offers_exactly_these_names() -> None:
    """Each can be imported, and `__all__` says so."""
    assert set(netdsl.__all__) == PUBLIC
    assert all(hasattr(netdsl, name) for name in PUBLIC)


def test_a_report_has_exactly_these_facts() -> None:
    """What `netdsl.check` gives back."""
    report = netdsl.check("lenet5")

    assert {name for name in dir(report) if not name.startswith("_")} == REPORT


def test_the_command_has_exactly_these_verbs() -> None:
    """Each is a module of its name."""
    folder = Path(netdsl.__file__).parent / "cli"

    assert set(VERBS) == VERB_NAMES
    assert all((folder / f"{verb}.py").is_file() for verb in VERBS)


def test_the_version_is_a_release() -> None:
    """As PyPA's version specifiers have it."""
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", netdsl.__version__)
