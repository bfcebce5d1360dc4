"""Which part of netdsl may know which: read from the imports of every module, wherever in it they stand."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

LEVELS = {
    "version": 0,
    "records": 0,
    "diagnostics": 0,
    "language": 1,
    "graph": 1,
    "specs": 2,
    "layers": 2,
    "analysis": 3,
    "backends": 4,
    "training": 5,
    "insight": 5,
    "compiler": 5,  # the pipeline also checks a spec's recipe, which training reads
    "sweep": 5,
    "editor": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 7,
}
"""Every part of netdsl with its level; a part never imports one of a higher level."""

STRANGERS = {("language", "graph"), ("graph", "language")}
"""Parts of one level that do not know each other: `analysis` joins them."""

HOMES = {
    "yaml": ("netdsl/language/",),
    "lark": ("netdsl/language/",),
    "torch": (
        "netdsl/backends/torch_module.py",
        "netdsl/backends/portable.py",
        "netdsl/training/",
        "netdsl/insight/",
    ),
    "torchvision": ("netdsl/training/", "netdsl/insight/"),
}
"""Where alone a library may be imported."""


class Import(NamedTuple):
    """One imported module, as `netdsl/cli/check.py:7 netdsl.compiler`."""

    file: str
    line: int
    module: str
    for_types: bool
    """Whether it stands under `if TYPE_CHECKING:` and is never run."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def imports(root: Path) -> Iterator[Import]:
    """Every import below `root/netdsl`, those inside functions included."""
    for path in sorted((root / "netdsl").rglob("*.py")):
        file = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for module in _modules(node):
                    yield Import(file, node.lineno, module, id(node) in for_types)


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "a relative import hides the layer"
    return [f"{node.module}.{alias.name}" for alias in node.names]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def part(module: str) -> str:
    """The part of netdsl that a module belongs to: `netdsl.cli.check` is of `cli`."""
    _, _, rest = module.partition(".")
    return rest.split(".")[0] or "__init__"


def part_of_file(file: str) -> str:
    return file.split("/")[1].removesuffix(".py")


def violations(found: Iterable[Import]) -> list[str]:
    """What is imported against the rules, each with the rule."""
    wrong = []
    for item in found:
        library = item.module.split(".")[0]
        homes = HOMES.get(library)
        if homes is not None and not item.for_types and not item.file.startswith(homes):
            wrong.append(f"{item}: only {', '.join(homes)} may")
        if library != "netdsl":
            continue
        importer, imported = part_of_file(item.file), part(item.module)
        if imported not in LEVELS:  # `from netdsl import check`: a public name of the package itself
            imported = "__init__"
        if LEVELS[importer] < LEVELS[imported]:
            wrong.append(f"{item}: {importer} ({LEVELS[importer]}) is below {imported} ({LEVELS[imported]})")
        if (importer, imported) in STRANGERS:
            wrong.append(f"{item}: {importer} and {imported} do not know each other")
    return wrong


def test_no_part_imports_a_higher_one() -> None:
    """Lower never knows higher, and each library stays in its home (docs/architecture.md)."""
    found = list(imports(ROOT))

    assert len(found) > 100
    assert violations(found) == []


def test_every_part_has_a_level() -> None:
    """A new folder of netdsl must be given its place here."""
    parts = {part_of_file(path.relative_to(ROOT).as_posix()) for path in (ROOT / "netdsl").rglob("*.py")}

    assert parts <= set(LEVELS)


@pytest.mark.parametrize(
    ("file", "text", "blamed"),
    [
        ("diagnostics/render.py", "from netdsl.language import syntax", "is below language"),
        ("language/document.py", "import netdsl.graph.graph", "do not know each other"),
        ("graph/graph.py", "from netdsl.language.syntax import Spec", "do not know each other"),
        ("graph/graph.py", "from netdsl import language", "do not know each other"),
        ("layers/pooling.py", "def f():\n    from netdsl.analysis import elaborate", "is below analysis"),
        ("analysis/cost.py", "from netdsl.backends import python_source", "is below backends"),
        ("backends/diagram.py", "if True:\n    import netdsl.training.runner", "is below training"),
        ("training/runner.py", "from netdsl.cli.main import main", "is below cli"),
        ("training/runner.py", "from netdsl import build", "is below __init__"),
        ("analysis/cost.py", "import yaml", "only netdsl/language/ may"),
        ("diagnostics/render.py", "def f():\n    from lark import Lark", "only netdsl/language/ may"),
        ("layers/pooling.py", "import torch.nn as nn", "only netdsl/backends/torch_module.py"),
        (
            "backends/python_source.py",
            "def f():\n    from torch import nn",
            "only netdsl/backends/torch_module.py",
        ),
        ("layers/pooling.py", "try:\n    import torch\nexcept ImportError: pass", "only netdsl/backends/"),
        ("graph/graph.py", "if TYPE_CHECKING:\n    from netdsl.layers.layer import Layer", "is below layers"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, text: str, blamed: str) -> None:
    """The test above can fail: each kind of fault, in a tree made for it, is the one thing found."""
    path = tmp_path / "netdsl" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{text}\n")

    (found,) = violations(imports(tmp_path))

    assert blamed in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("analysis/elaborate.py", "from netdsl.graph import graph\nfrom netdsl.language import syntax"),
        ("backends/torch_module.py", "import torch"),
        ("language/yaml_text.py", "import yaml\nfrom lark import Lark"),
        ("cli/train.py", "from netdsl.training import runner"),
        ("compiler.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import nn"),
        ("__main__.py", "from netdsl.cli.main import main"),
    ],
)
def test_an_allowed_import_is_not(tmp_path: Path, file: str, text: str) -> None:
    """The nearest legal neighbours of the faults above."""
    path = tmp_path / "netdsl" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{text}\n")

    assert violations(imports(tmp_path)) == []
