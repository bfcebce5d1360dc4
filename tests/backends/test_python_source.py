"""Printed source: what it looks like, case by case."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import netdsl
from tests.backends.networks import SPECS, network, printed

RESNET = """
name: resnet
input: [3, 32, 32]
params: {classes: 10, depths: [2, 3]}
blocks:
  conv_bn(c, k, s=1): conv(c, k, stride=s, padding=k//2, bias=false) -> batchnorm
  shortcut(c, s): x if s == 1 and x.c == c else conv_bn(c, 1, s)
  bottleneck(c, s=1):
    (conv_bn(c, 1) -> relu -> conv_bn(c, 3, s) -> relu -> conv_bn(4*c, 1)) + shortcut(4*c, s) -> relu
  stage(c, n, s): bottleneck(c, s) -> bottleneck(c)*(n-1)
net:
  stem: conv_bn(16, 3) -> relu
  body: (stage(16 * 2**i, n, 1 if i == 0 else 2) for i, n in enumerate(depths))
  head: global_avgpool -> flatten -> linear(classes)
"""


def test_blocks_become_classes_as_one_would_write_them() -> None:
    """The whole text of a small residual network: parameters, formulas, conditions, repeats, shapes."""
    assert printed(RESNET) == Path(__file__).with_name("resnet.txt").read_text("utf-8")


HEAD = "input: [4, 4, 4]\n"


def of(source: str, name: str) -> str:
    """The text of one class of a source."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
    raise AssertionError(f"no class {name} in\n{source}")


def ruff(*arguments: str, files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments, "--isolated", str(files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def every_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source of every shipped spec and every spec of these tests."""
    folder = tmp_path_factory.mktemp("sources")
    for name in netdsl.shipped_specs():
        (folder / f"{name}.py").write_text(netdsl.emit(name), "utf-8")
    for name, text in SPECS.items():
        (folder / f"test_{name}.py").write_text(printed(text), "utf-8")
    return folder


def test_source_is_laid_out_as_ruff_would(every_source: Path) -> None:
    done = ruff("format", "--diff", files=every_source)

    assert done.returncode == 0, done.stdout


def test_source_has_nothing_that_ruff_objects_to(every_source: Path) -> None:
    """No unused import or variable, no comparison with itself, no undefined name."""
    done = ruff("check", files=every_source)

    assert done.returncode == 0, done.stdout


def test_source_stands_alone(every_source: Path) -> None:
    allowed = {"math", "collections", "collections.abc", "functools", "torch", "torch.nn.functional"}
    for file in every_source.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= allowed, file.name
            elif isinstance(node, ast.ImportFrom):
                assert node.module in allowed, file.name


@pytest.mark.parametrize("name", SPECS)
def test_the_same_spec_gives_the_same_text(name: str) -> None:
    assert printed(SPECS[name]) == printed(SPECS[name])


def test_the_networks_class_is_the_last() -> None:
    """Also where a block would like to be called the same."""
    source = printed(f"name: unit\n{HEAD}blocks:\n  unit: relu -> relu\nnet:\n  a: unit\n  b: unit")

    assert [n.name for n in ast.parse(source).body if isinstance(n, ast.ClassDef)] == ["Unit2", "Unit"]


def test_a_long_network_is_printed_as_its_text_is_long() -> None:
    """A repeat of 5,000 is one line, and its count an argument."""
    source = printed(f"""
name: deep
{HEAD}params: {{n: 5000}}
blocks:
  res: x + (conv(4, 1) -> relu)
net:
  body: res*n
""")

    assert "self.body = nn.Sequential(*[Res(4) for _ in range(n)])" in source
    assert len(source.splitlines()) < 40


def test_a_class_takes_what_its_uses_do_not_have_in_common() -> None:
    """The features behind `flatten` are no argument of the block, and have no formula in its names."""
    text = """
name: flat
input: [2, 8, 8]
blocks:
  head(c): flatten -> linear(c)
net:
  a: head(64) -> reshape([1, 8, 8]) -> maxpool(2)
  b: head(4)
"""
    head = of(printed(text), "Head")

    assert "def __init__(self, in_channels: int, in_height: int, in_width: int, c: int) -> None:" in head
    assert "nn.Linear(in_channels * in_height * in_width, c)" in head


def test_growing_repeats_are_one_comprehension() -> None:
    """Dense blocks: channels grow by a step, and what follows knows how many repeats there were."""
    source = printed(SPECS["growing"])

    assert "nn.Sequential(*[Dense(in_channels + i * k, k) for i in range(n)])" in of(source, "Block")
    assert "Dense(8 + i * growth, growth) for i in range(depth)" in of(source, "Growing")
    assert "nn.Conv2d(8 + depth * growth, 8, 1)" in of(source, "Growing")


def test_repeats_that_grow_unevenly_are_listed() -> None:
    assert "Double(8), Double(16), Double(32)" in of(printed(SPECS["growing"]), "Growing")


def test_a_first_repeat_that_differs_stands_before_the_others() -> None:
    text = """
name: wide
input: [3, 8, 8]
blocks:
  layer(c): conv(c, 3, padding=1) -> relu
  stage(c, n): layer(c)*n
net:
  a: stage(8, 3)
  b: stage(16, 2)
"""
    stage = of(printed(text), "Stage")

    assert "Layer(in_channels, c), *[Layer(c, c) for _ in range(n - 1)]" in stage
    assert "assert n >= 1" in stage


def test_conditions_between_layers_are_kept() -> None:
    """Where uses of a block took different branches, the class decides; where all took one, it insists."""
    source = printed(SPECS["choices"])

    assert "self.is_identity = s == 1 and in_channels == c" in of(source, "Shortcut")
    assert "return x if self.is_identity else self.conv1(x)" in of(source, "Shortcut")
    assert "        if self.choice1:\n            return self.relu1(" in of(source, "Down")
    assert "        if self.choice1:\n            assert not c > 8" in of(source, "Nested")
    assert "assert deep" in of(source, "E")


def test_sizes_are_equal_by_proof_and_not_by_chance() -> None:
    """Two members of a table are 6 wide for one value of `p` only: both formulas are kept."""
    text = """
name: chance
input: [3, 4, 4]
params: {p: 6}
net:
  a: (conv(p if n == 0 else 6, 1) -> relu for n in range(2))
  b: conv(p, 1)
"""
    assert "nn.Conv2d(3, p, 1)" in printed(text)
    assert "nn.Conv2d(p, 6, 1)" in printed(text)


def test_layers_are_handed_on_as_factories() -> None:
    """An activation is an argument; what has weights is part of the class, and each kind has its own."""
    source = printed(SPECS["layers"])

    assert "act: Callable[[], nn.Module] = nn.ReLU," in of(source, "Unit")
    assert "self.act1 = act()" in of(source, "Unit")
    assert "self.unit2 = Unit(c, c, k=1, act=act)" in of(source, "Twice")
    assert "act=partial(nn.LeakyReLU, negative_slope=0.1)" in of(source, "Layers")
    assert "def __init__(self, act: Callable[[], nn.Module] = nn.ReLU6)" in of(source, "Layers")
    assert all(of(source, name) for name in ("AfterBatchnorm", "After", "AfterPrelu"))


def test_one_block_on_two_ranks_is_two_classes() -> None:
    source = printed(SPECS["ranks"])

    assert "nn.Conv3d(" in of(source, "Unit3d")
    assert "nn.Conv2d(" in of(source, "Unit2d")


def test_captured_tensors_are_arguments_of_forward() -> None:
    """A skip connection reads as in a U-Net written by hand."""
    source = printed(SPECS["unet"])

    assert "def forward(self, x: Tensor, enc2: Tensor) -> Tensor:" in of(source, "Up2")
    assert "x = torch.cat((x, enc2), 1)  # 16×8×8" in of(source, "Up2")
    assert "x = self.up2(x, enc2)  # 8×8×8" in of(source, "Unet")


def test_series_whose_members_capture_loop_over_them() -> None:
    series = of(printed(SPECS["captures"]), "BodySeries")

    assert "        for module in self:\n            x = module(x, skip)" in series


def test_shared_modules_are_registered_once_and_handed_down() -> None:
    source = printed(SPECS["shared"])

    assert source.count("Core(4)") == 1
    assert "def forward(self, x: Tensor, core: nn.Module) -> Tensor:" in of(source, "Wrap")
    assert "x = self.one(x, self.core)" in of(source, "SharedInBlocks")


def test_heads_are_built_for_training_or_kept() -> None:
    heads = of(printed(SPECS["heads"]), "Heads")

    assert "def __init__(self, classes: int = 5, heads: bool = False) -> None:" in heads
    assert "        if heads:\n            self.aux = " in heads
    assert "        self.embedding = " in heads
    assert 'return {"output": head, "embedding": self.embedding(body)}' in heads


def test_heads_without_layers_of_their_own_have_no_module() -> None:
    """A head may give a stage as it is, or hand it to a shared module."""
    source = of(printed(SPECS["several_outputs"]), "SeveralOutputs")

    assert "if heads:" not in source
    assert '"left": left_code,' in source
    assert '"left_class": self.classes(left_code),' in source
    assert "self.left_class" not in source
    assert "self.right_class" not in source


def test_branches_have_variables_called_by_what_they_are() -> None:
    source = printed("""
name: wide
input: [4, 6, 6]
net:
  a: conv(2, 1) | (maxpool(3, stride=1, padding=1) -> conv(3, 1))
  b: x * (global_avgpool -> sigmoid)
""")

    assert "branch2 = self.conv2(self.maxpool1(x))  # 3×6×6" in of(source, "A")
    assert "return torch.cat((branch1, branch2), 1)  # 5×6×6" in of(source, "A")
    assert "gate = self.sigmoid1(self.global_avgpool1(x))  # 5×1×1" in of(source, "B")


def test_long_formulas_that_are_needed_again_get_a_variable() -> None:
    source = netdsl.emit("densenet121")

    assert "block1_channels = 64 + 32 * depths[0]\n" in source
    assert "transition1_channels = block1_channels // 2\n" in source


def test_names_that_mean_something_in_python_are_changed() -> None:
    """A parameter called `torch` or `l` and a stage called `range` print, check and run."""
    source = printed(SPECS["names"])

    assert "def __init__(self, int_: int = 3, l_: int = 2, torch_: int = 8) -> None:" in source
    assert "def forward(self, range_: Tensor, lambda_: Tensor) -> Tensor:" in source


def test_text_of_the_spec_cannot_leave_the_docstring() -> None:
    source = printed(SPECS["names"])

    assert ast.get_docstring(ast.parse(source), clean=False) is not None
    assert "three of them: '''" in source


def test_only_parameters_that_are_read_become_arguments() -> None:
    """`k` is read by a block, which is printed apart from the network; `c` by the network itself."""
    source = printed("""
name: n
input: [3, 4, 4]
params: {c: 4, k: 3}
blocks:
  b: conv(8, k)
net:
  a: b
  d: conv(c, 1)
""")

    assert "def __init__(self, c: int = 4) -> None:" in of(source, "N")


def test_a_parameter_that_a_block_hides_becomes_an_argument() -> None:
    """The `n` of the block's body is the block's own; its default of `c` is the spec's."""
    source = printed("""
name: net
input: [3, 4, 4]
params: {n: 4, c: 3}
blocks:
  b(n, k=c): conv(n, k, padding=1)
net: b(n) -> b(c)
""")

    assert "def __init__(self, n: int = 4) -> None:" in of(source, "Net")


def test_settings_are_the_defaults() -> None:
    assert "classes: int = 7, heads" in printed(SPECS["heads"], classes="7")
    assert network(SPECS["heads"], classes="7").costs.params > network(SPECS["heads"]).costs.params


def test_a_layer_with_arguments_is_a_constant_where_it_is_a_default() -> None:
    source = printed("""
name: net
input: [4, 8, 8]
params: {norm: "lrn(3)"}
blocks:
  unit(c, act=leaky_relu(0.1)): conv(c, 3) -> act
net:
  a: norm -> unit(4)
  b: unit(4, act=relu) -> norm
""")

    assert "\nDEFAULT_NORM = partial(nn.LocalResponseNorm, 3)\n" in source
    assert "norm: Callable[[], nn.Module] = DEFAULT_NORM" in of(source, "Net")
    assert "\nDEFAULT_ACT = partial(nn.LeakyReLU, negative_slope=0.1)\n" in source
    assert "act: Callable[[], nn.Module] = DEFAULT_ACT" in of(source, "Unit")


def test_a_tensor_that_is_handed_on_is_called_by_the_parameter() -> None:
    """And by another name where it has been merged."""
    source = printed("""
name: net
input: [3, 8, 8]
blocks:
  joined(at, c): ((at -> crop([2, 2])) | crop([2, 2])) -> conv(c, 1)
net:
  stem: conv(4, 3, padding=1)
  middle: conv(4, 3, padding=1)
  up: joined(from(stem), 5)
  up2: joined(from(middle), 5)
""").replace("        ", "")

    assert "def forward(self, x: Tensor, at: Tensor)" in source
    assert "at = self.crop1(at)" in source
    assert "x = torch.cat((at, x), 1)" in source


def test_members_that_each_take_a_row_of_a_table_are_a_comprehension() -> None:
    source = printed("""
name: net
input: [4, 8, 8]
params: {table: [[0], [1, 2], [0, 3]]}
blocks:
  see(maps): channels(maps) -> conv(1, 5)
net: concat(see(maps) for maps in table)
""")

    assert "Concat([See(row) for row in table])" in of(source, "Net")
    assert "assert len(table) == 3" in of(source, "Net")
    assert "nn.Conv2d(len(maps), 1, 5)" in of(source, "See")


def test_a_factor_of_one_is_not_printed() -> None:
    source = printed("""
name: net
input: [4, 8, 8]
params: {width: 1.0}
blocks:
  scaled(c): conv(make_divisible(c*width), 1) -> conv(round(c*width), 1)
net: scaled(8) -> scaled(16)
""")

    assert "nn.Conv2d(in_channels, make_divisible(c), 1)" in of(source, "Scaled")
    assert "nn.Conv2d(make_divisible(c), c, 1)" in of(source, "Scaled")


def test_a_choice_with_one_side_is_a_statement_of_its_own() -> None:
    source = printed("""
name: net
input: [4, 8, 8]
blocks:
  unit(c, gated): conv(c, 1) -> (sigmoid if gated else id) -> maxpool(2)
net: unit(4, true) -> unit(4, false)
""")

    assert "        if self.choice1:\n            x = self.sigmoid1(x)\n" in of(source, "Unit")


def test_shapes_inside_of_a_class_are_said_to_be_those_of_its_first_use() -> None:
    """What goes in and comes out is the same here in both uses, and what is between is not."""
    source = printed("""
name: net
input: [4, 8, 8]
blocks:
  unit(c): conv(c, 1) -> relu -> conv(4, 1)
net: unit(3) -> unit(5)
""")

    assert "shapes are those of its first use" in of(source, "Unit")
