"""The VS Code folder says the same as the package it starts."""

from __future__ import annotations

import json
from pathlib import Path

from netdsl.cli.main import VERBS
from netdsl.version import VERSION

FOLDER = Path(__file__).parents[2] / "editors" / "vscode"


def test_the_manifest_names_what_is_there() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text("utf-8"))
    assert manifest["version"] == VERSION
    assert (FOLDER / manifest["main"]).is_file()
    program, verb = manifest["contributes"]["configuration"]["properties"]["netdsl.command"]["default"]
    assert program == "netdsl"
    assert verb in VERBS


def test_every_setting_that_is_read_is_declared() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text("utf-8"))
    declared = {
        name.removeprefix("netdsl.") for name in manifest["contributes"]["configuration"]["properties"]
    }
    code = (FOLDER / "extension.js").read_text("utf-8")
    assert declared == {name for name in ("command", "files", "trace") if f'settings.get("{name}")' in code}
