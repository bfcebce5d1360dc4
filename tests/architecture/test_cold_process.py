"""What a fresh interpreter has loaded after netdsl did its work: never torch, where no tensor is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = ("torch", "torchvision", "numpy", "pydantic", "rich", "matplotlib", "sklearn")
"""Libraries that take longer to import than a check takes."""

CHECK = "from netdsl.cli.main import main; assert main(['check', 'specs/resnet50.yaml']) == 0"


def loaded_after(code: str) -> set[str]:
    """The libraries in `sys.modules` once a fresh interpreter has run code in the repository's root."""
    report = (
        "\nimport json, sys\nprint(json.dumps([m for m in sys.modules if '.' not in m]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import netdsl",
        "import netdsl; assert netdsl.check('specs/resnet50.yaml').ok",
        CHECK,
        "from netdsl.cli.main import main; assert main(['check', 'googlenet', '--format', 'json']) == 0",
        "from netdsl.cli.main import main; assert main(['emit', 'specs/lenet5.yaml']) == 0",
        "from netdsl.cli.main import main; assert main(['layers', 'conv']) == 0",
        "from netdsl.cli.main import main; assert main(['rule', 'add-shapes']) == 0",
    ],
)
def test_what_needs_no_tensor_loads_no_torch(code: str) -> None:
    """Importing netdsl, checking and printing source leave torch and every other heavy library alone."""
    assert loaded_after(code).isdisjoint(HEAVY)


def test_a_process_that_loads_torch_is_found() -> None:
    """The test above can fail: building a network needs torch, and is seen to load it."""
    loaded = loaded_after("import netdsl; netdsl.build('specs/lenet5.yaml')")

    assert "torch" in loaded


def test_an_import_hidden_in_a_check_is_found() -> None:
    """The test above can fail: torch, slipped into what checking calls, is seen."""
    hidden = "import netdsl.compiler as c\ninner = c.check\n"
    hidden += "def check(*a, **k):\n    import torch\n    return inner(*a, **k)\nc.check = check\n"

    assert "torch" in loaded_after(hidden + CHECK)
