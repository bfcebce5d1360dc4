"""Names of modules: the spec's own, numbered by kind in reading order, however the text is laid out."""

import pytest

from netdsl.compiler import compile_source
from netdsl.diagnostics import Source

HEAD = "name: net\ninput: [3, 32, 32]\n"


def paths(text: str, **settings: str) -> list[str]:
    """The paths of a network's layers and merges."""
    report = compile_source(Source("spec.yaml", HEAD + text), settings).report
    assert report.ok, report.diagnostics
    return [node.path for node in report.nodes]


LAYOUTS = {
    "one line": """
        stem: conv(8, 3) -> relu -> conv(8, 3)
        head: x + tanh
    """,
    "quoted": """
        stem: "conv(8, 3) -> relu -> conv(8, 3)"
        head: (x + tanh)
    """,
    "several lines": """
        stem:
          conv(8, 3)
          -> relu   ->
          conv( 8,3 )
        head: >
          x
          + tanh
    """,
    "lists": """
        stem:
          - conv(8, 3)
          - relu -> conv(8, 3)
        head:
          add:
            - x
            - tanh
    """,
    "grouped": """
        - stem: (conv(8, 3) -> (relu)) -> conv(8, 3)
        - head:
            - x + tanh
    """,
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_changes_no_name(text: str) -> None:
    """A state dict fits the network after its spec was formatted."""
    assert paths("net:" + text) == ["stem.conv1", "stem.relu1", "stem.conv2", "head.tanh1", "head.add1"]


def test_a_stage_of_one_layer_is_that_layer() -> None:
    """No name is put inside of it."""
    assert paths("net:\n  stem: conv(8, 3)\n  body: relu*2\n") == ["stem", "body.0", "body.1"]


def test_a_branch_that_is_not_taken_keeps_its_number() -> None:
    """The names of the others do not change with a parameter."""
    text = "params: {deep: true}\nnet:\n  a: conv(8, 1) -> (conv(8, 3) if deep else id) -> conv(8, 1)\n"

    assert paths(text) == ["a.conv1", "a.conv2", "a.conv3"]
    assert paths(text, deep="false") == ["a.conv1", "a.conv3"]


def test_a_layer_that_came_by_a_parameter_is_called_like_it() -> None:
    """Whatever layer it is."""
    block = "unit(c, act=relu): conv(c, 1) -> act -> conv(c, 1) -> act"
    text = f"blocks:\n  {block}\nnet:\n  a: unit(8)\n  b: unit(8, tanh)\n"

    assert paths(text)[:4] == ["a.conv1", "a.act1", "a.conv2", "a.act2"]
    assert paths(text)[4:] == ["b.conv1", "b.act1", "b.conv2", "b.act2"]


def test_a_stages_name_is_passed_over() -> None:
    """No two modules of one place have one name."""
    text = "net:\n  - conv(8, 1) -> relu\n  - conv2: conv(8, 1)\n  - conv(8, 1) -> relu\n"

    assert paths(text) == ["conv1", "relu1", "conv2", "conv3", "relu2"]


def test_tables_and_repeats_number_from_0() -> None:
    """As nn.Sequential does."""
    text = "blocks:\n  unit(c): conv(c, 1) -> relu\nnet:\n  a: (unit(c) for c in [4, 8])\n  b: unit(8)*2\n"
    expected = [f"{stage}.{i}.{layer}" for stage in "ab" for i in range(2) for layer in ("conv1", "relu1")]

    assert paths(text) == expected


def test_branches_of_a_table_are_numbered_too() -> None:
    """And the merge stands behind them."""
    expected = ["a.concat1.0", "a.concat1.1", "a.concat1"]

    assert paths("net:\n  a: concat(conv(n, 1) for n in [1, 2])\n") == expected


def test_a_shared_module_has_one_place() -> None:
    """Its own, in each of its uses."""
    text = "shared:\n  tower: conv(3, 3, padding=1) -> relu\nnet:\n  a: tower\n  b: tower\n"

    assert paths(text) == ["tower.conv1", "tower.relu1"] * 2


def test_a_chain_that_is_a_value_numbers_its_layers() -> None:
    """Of a spec's parameter and of a block's default, wherever they are used."""
    chain = "relu -> tanh -> relu"
    blocks = f"params: {{p: {chain}}}\nblocks:\n  use(f=({chain})): f -> elu\n"
    inside = ["relu1", "tanh1", "relu2"]

    assert paths(blocks + "net:\n  a: p -> elu\n  b: p\n  c: use\n") == [
        *(f"a.p1.{name}" for name in inside),
        "a.elu1",
        *(f"b.{name}" for name in inside),
        *(f"c.f1.{name}" for name in inside),
        "c.elu1",
    ]
