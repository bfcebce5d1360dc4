"""How networks differ: each change told once, with figures that add up to the whole difference."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from netdsl.analysis.difference.compare import Change, Consequence, Difference, compare
from netdsl.analysis.difference.equal_items import equal_items
from netdsl.analysis.difference.folding import fold, where
from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network
from netdsl.specs import find_spec
from tests.properties.networks import Drawn, mutants, networks

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))

BASE = """\
name: base
input: [3, 32, 32]
params: {width: 16, act: relu}
blocks:
  unit(c, k=3): conv(c, k, padding=k//2, bias=false) -> batchnorm -> act
  res(c): unit(c) -> conv(c, 3, padding=1) + x
net:
  stem: unit(width)
  body: unit(2*width) -> maxpool(2) -> unit(4*width) -> se(4)
  tail: res(x.c) * 3
  head: global_avgpool -> flatten -> linear(10)
"""


def network(text: str) -> Network:
    """The network of a spec's text."""
    compilation = compile_source(Source("drawn.yaml", text))
    assert compilation.network is not None, compilation.report.diagnostics
    return compilation.network


def shipped(name: str, **params: str) -> Network:
    """The network of a shipped spec."""
    compilation = compile_source(find_spec(name), params)
    assert compilation.network is not None, compilation.report.diagnostics
    return compilation.network


def changed(*edits: tuple[str, str], base: str = BASE) -> Difference:
    """The base against a copy with parts of its text replaced."""
    text = base
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return compare(network(base), network(text))


def told(difference: Difference) -> list[tuple[str, str, int, int]]:
    """Each line: place, text, parameters, multiply-adds; consequences by the line they follow from."""
    lines, becauses = fold(difference)
    found = []
    for number, line in enumerate(lines):
        found.append((where(line.places), line.text, line.params, line.macs))
        found += [("", f"because: {len(b.places)}", b.params, b.macs) for b in becauses if b.line == number]
    return found + [
        ("", f"because of several: {len(b.places)}", b.params, b.macs) for b in becauses if b.line is None
    ]


def counted(difference: Difference) -> list[Change | Consequence]:
    """What is in the networks' figures."""
    items: list[Change | Consequence] = [*difference.changes, *difference.consequences]
    return [item for item in items if not item.training]


def adds_up(difference: Difference) -> bool:
    """Whether changes and consequences together are the difference of the networks' own figures."""
    items = counted(difference)
    before, after = difference.before.costs, difference.after.costs
    return (
        sum(item.params for item in items) == after.params - before.params
        and sum(item.macs for item in items) == after.macs - before.macs
    )


# Laws


@given(networks(), networks())
@settings(SETTINGS, max_examples=100)
def test_the_parts_are_the_whole(first: Drawn, second: Drawn) -> None:
    """For any two networks, and backwards the same with the opposite sign."""
    before, after = network(first.text), network(second.text)
    forth, back = compare(before, after), compare(after, before)

    assert adds_up(forth)
    assert adds_up(back)
    assert (forth.params, forth.macs) == (-back.params, -back.macs)


@given(mutants())
@settings(SETTINGS, max_examples=60)
def test_a_network_against_itself_is_no_difference(drawn: Drawn) -> None:
    """Read twice, so that nothing is equal only because it is the same object."""
    first, second = (compile_source(Source("drawn.yaml", drawn.text)).network for _ in range(2))
    assume(first is not None)
    assert first is not None
    assert second is not None
    same = compare(first, second)

    assert (same.changes, same.consequences) == ((), ())


@given(networks())
@settings(SETTINGS, max_examples=60)
def test_a_layer_more_at_the_end_is_that_layer(drawn: Drawn) -> None:
    """Whatever the network is: one change, at its price, and nothing else differs."""
    head, list_of_stages, body = drawn.text.partition("net:\n")
    assume(list_of_stages and "c" in network(drawn.text).graph.output)
    last = "  end: affine\n" if body.startswith("  s0") else "  - affine\n"
    difference = compare(network(drawn.text), network(f"{head}net:\n{body}{last}"))

    (change,) = difference.changes
    assert change.kind == "added"
    assert adds_up(difference)
    assert difference.consequences == ()


PAIRS = [
    ("lenet5", "alexnet"),
    ("resnet152", "resnet101"),
    ("resnet50", "se_resnet50"),
    ("googlenet", "densenet121"),
    ("mobilenetv1", "mobilenetv2"),
    ("hybridsn", "vgg16"),
    ("dncnn", "nin"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_shipped_networks_add_up(first: str, second: str) -> None:
    """Also those that have nothing in common."""
    before, after = shipped(first), shipped(second)

    assert adds_up(compare(before, after))
    assert adds_up(compare(after, before))


# What is no difference


@pytest.mark.parametrize(
    "edits",
    [
        [("stem: unit(width)", "stem: conv(16, 3, padding=1, bias=false) -> batchnorm -> relu")],
        [("res(x.c) * 3", "(res(64) for i in range(3))")],
        [("res(c): unit(c)", "other(c): unit(c)"), ("res(x.c)", "other(x.c)")],
        [("unit(c) -> conv(c, 3, padding=1) + x", "unit(c) -> (x + conv(c, 3, padding=1))")],
        [("name: base", "name: other\nabout: the same again")],
    ],
)
def test_the_same_network_in_other_words(edits: list[tuple[str, str]]) -> None:
    """Blocks opened and renamed, repeats unrolled, a sum turned around, another name."""
    difference = changed(*edits)

    assert (difference.changes, difference.consequences) == ((), ())


# What is told

SHORTCUT = " -> conv(c, 3, padding=1) + x"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "stem: unit(width)",
            "stem: unit(width, 5)",
            [("stem.conv1", "conv: kernel_size 3 → 5, padding 1 → 2", 768, 786_432)],
        ),
        (
            "stem: unit(width)",
            "stem: conv(8, 3) -> unit(width)",
            [("stem.conv1", "+ conv(8, 3)", 224, 194_400), ("", "because: 9", 720, -7_405_056)],
        ),
        ("batchnorm -> act", "act -> batchnorm", [("…act1 ×6", "relu moved in front of batchnorm", 0, 0)]),
        (
            SHORTCUT,
            " -> conv(c, 3, padding=1)",
            [("tail.0–2.add1 ×3", "− shortcut around conv -> batchnorm -> relu -> conv", 0, 0)],
        ),
        (
            SHORTCUT,
            " -> (conv(c, 3, padding=1) | x)",
            [
                ("tail.0–2.concat1 ×3", "adds → concatenates (+ → |)", 0, 0),
                ("", "because: 3", 112_512, 28_313_472),
            ],
        ),
        (
            " -> se(4)",
            "",
            [
                (
                    "body.se1",
                    "− se(r=4): id * (global_avgpool -> conv(16, 1) -> relu -> conv(64, 1) -> sigmoid)",
                    -2_128,
                    -2_048,
                )
            ],
        ),
        ("act: relu", "act: silu", [("…act1 ×6", "relu → silu", 0, 0)]),
        ("tail:", "rear:", [("", "renamed: tail → rear", 0, 0)]),
        (
            "32, 32",
            "48, 48",
            [("input", "3×32×32 → 3×48×48", 0, 0), ("", "because: 9", 0, 83_128_320)],
        ),
        (
            "unit(2*width) -> maxpool(2)",
            "maxpool(2) -> unit(2*width)",
            [
                ("body.maxpool1", "maxpool(2) moved in front of conv -> batchnorm -> relu", 0, 0),
                ("", "because: 1", 0, -3_538_944),
            ],
        ),
        (
            "* 3",
            "* 5",
            [("tail.3–4 ×2", "+ res(64): (conv -> batchnorm -> relu -> conv) + id", 147_840, 37_748_736)],
        ),
        (
            "se(4)",
            "se(8)",
            [
                ("body.se1.conv1", "conv: out_channels 16 → 8", -520, -512),
                ("", "because: 1", -512, -512),
            ],
        ),
        (
            "width: 16",
            "width: 24",
            [
                ("stem.conv1", "conv: out_channels 16 → 24", 216, 221_184),
                ("", "because: 1", 16, 0),
                ("body.unit*.conv1 ×2", "conv: out_channels 32 → 48, 64 → 96", 28_800, 11_796_480),
                ("", "because: 4", 2_696, 2_560),
                ("tail…conv1 ×6", "conv: out_channels 64 → 96", 276_576, 70_778_880),
                ("", "because: 3", 192, 0),
                ("", "because of several: 1", 320, 320),
            ],
        ),
    ],
)
def test_one_edit_is_told_as_one(old: str, new: str, expected: list[tuple[str, str, int, int]]) -> None:
    """A layer's arguments, place or kind, a merge, an input: the change at its price, and what follows."""
    difference = changed((old, new))

    assert told(difference) == expected
    assert adds_up(difference)


def test_what_moved_may_have_changed_on_the_way() -> None:
    """A pooling that came in front of its neighbour with another argument is one change, not two."""
    net = "conv(8, 3, padding=1) -> tanh -> lrn(5) -> maxpool(2) -> conv(4, 3)"
    base = f"name: pools\ninput: [4, 9, 9]\nnet: {net}\n"
    moved = [("lrn(5) -> maxpool(2)", "maxpool(2, ceil_mode=true) -> lrn(5)")]

    assert told(changed(*moved, base=base)) == [
        ("maxpool1", "maxpool moved in front of lrn, ceil_mode false → true", 0, 0),
        ("", "because: 1", 0, (9 - 4) * 4 * 8 * 9),
    ]


def test_a_shortcut_that_got_a_projection_keeps_its_branch() -> None:
    """`x` becomes a convolution: that convolution came, and no branch went."""
    ((place, text, params, _),) = told(changed(("+ x", "+ (x -> conv(c, 1))")))

    assert (place, text, params) == ("tail.0–2.conv2 ×3", "+ conv(64, 1)", 3 * (64 * 64 + 64))


def test_a_layer_is_priced_by_hand() -> None:
    """Ten outputs fewer cost their weights and biases, 64 and 1 each."""
    (change,) = changed(("linear(10)", "linear(4)")).changes

    assert (change.params, change.macs) == (-6 * 65, -6 * 64)


def test_deeper_is_blocks_more() -> None:
    """ResNet-101 is ResNet-50 with 17 bottlenecks more in its third stage."""
    ((place, text, params, macs),) = told(compare(shipped("resnet50"), shipped("resnet101")))

    assert (place, text) == (
        "body.2.bottleneck2.5–21 ×17",
        "+ bottleneck(256): 3 conv, 3 batchnorm, 3 relu",
    )
    assert params == 17 * (1024 * 256 + 9 * 256 * 256 + 256 * 1024 + 2 * (256 + 256 + 1024))
    assert macs == 17 * 14 * 14 * (1024 * 256 + 9 * 256 * 256 + 256 * 1024)


def test_a_gate_in_every_block_is_one_line() -> None:
    """SE-ResNet-50's sixteen gates, over widths from 256 to 2048."""
    ((place, text, params, _),) = told(compare(shipped("resnet50"), shipped("se_resnet50")))

    assert (place, text[:5]) == ("body…se1 ×16", "+ se:")
    assert params == sum(
        n * (2 * c * (c // 16) + c // 16 + c) for n, c in [(3, 256), (4, 512), (6, 1024), (3, 2048)]
    )


def test_a_stage_left_out_names_what_follows() -> None:
    """VGG-16 without its third stage: one change, and the layers behind it on twice the size."""
    text = find_spec("vgg16").text
    line = next(line for line in text.splitlines() if line.startswith("  stage3:"))
    without = text.replace(f"{line}\n", "").partition("claims:")[0]
    difference = compare(network(text), network(without))

    assert [change.place for change in difference.changes] == ["stage3"]
    assert {consequence.causes for consequence in difference.consequences} == {frozenset([0])}
    assert adds_up(difference)


# What is not in the net itself

HEADS = """name: headed
input: [3, 16, 16]
net:
  body: conv(8, 3) -> relu
  more: conv(8, 3)
  end: flatten -> linear(10)
heads:
  aux: {at: body, weight: 0.3, net: flatten -> linear(10)}
"""


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("weight: 0.3", "weight: 0.4", ["head"]),
        ("at: body", "at: more", ["head"]),
        ("at: body,", "at: body, keep: true,", ["added", "removed"]),
        ("flatten -> linear(10)}", "flatten -> linear(20)}", ["arguments"]),
    ],
)
def test_heads_have_figures_of_their_own(old: str, new: str, kinds: list[str]) -> None:
    """What is there only in training counts beside the total; a head that stays counts in it."""
    difference = changed((old, new), base=HEADS)

    assert sorted(change.kind for change in difference.changes) == kinds
    assert adds_up(difference)
    assert any(change.training for change in difference.changes)


SHARED = """name: two
input: {left: [1, 8, 8], right: [1, 8, 8]}
shared:
  tower: conv(4, 3) -> relu -> flatten -> linear(10)
net:
  a: from(left) -> tower
  b: from(right) -> tower
  distance: from(a) - from(b)
"""


def test_shared_weights_are_priced_once() -> None:
    """Two filters more: their parameters once, their multiply-adds at both uses."""
    difference = changed(("conv(4, 3)", "conv(6, 3)"), base=SHARED)

    assert adds_up(difference)
    assert [(change.place, change.params, change.macs) for change in difference.changes] == [
        ("tower.conv1", 2 * 10, 0)
    ]
    assert sorted(found.macs for found in difference.consequences) == [0, 1368, 1368]
    assert all(found.causes == frozenset([0]) for found in difference.consequences)


def test_a_difference_has_a_direction() -> None:
    """`a - b` turned around is told, and costs nothing."""
    (change,) = changed(("from(a) - from(b)", "from(b) - from(a)"), base=SHARED).changes

    assert (change.kind, change.params, change.macs) == ("order", 0, 0)


SKIPS = """name: unet
input: [1, 32, 32]
net:
  down: conv(8, 3, padding=1) -> relu
  bottom: maxpool(2) -> conv(16, 3, padding=1)
  up: conv_transpose(8, 2, stride=2) | from(down)
  out: conv(2, 1)
"""


def test_a_skip_over_stages_left_out() -> None:
    """What it took along is missing behind it."""
    assert told(changed((" | from(down)", ""), base=SKIPS)) == [
        ("up.concat1", "− concatenating shortcut around maxpool -> conv -> conv_transpose", 0, 0),
        ("", "because: 1", -16, -16 * 32 * 32),
    ]


def test_thousands_of_layers_are_compared_at_once() -> None:
    """A network too long to be aligned item by item still adds up."""
    deep = "name: deep\ninput: [4, 8, 8]\nnet: (conv(4, 3, padding=1) -> relu) * 3000\n"
    wide = deep.replace("3, padding=1", "5, padding=2").replace("3000", "2999")
    difference = compare(network(deep), network(wide))

    assert adds_up(difference)
    assert len(told(difference)) == 2


def test_a_layer_in_the_midst_of_thousands_is_one_change() -> None:
    """Where there are too many items for a table of pairs, the equal ones are found first."""
    deep = "name: deep\ninput: [4, 8, 8]\nnet: (conv(4, 3, padding=1) -> relu) * 3000\n"
    amid = deep.replace("* 3000", "* 2000 -> tanh -> (conv(4, 3, padding=1) -> relu) * 1000")
    changes = [change for change in compare(network(deep), network(amid)).changes if change.kind != "renamed"]

    assert [(change.kind, change.place) for change in changes] == [("added", "tanh1")]


@given(st.lists(st.integers(0, 2), max_size=9), st.lists(st.integers(0, 2), max_size=9))
def test_equal_items_are_as_many_as_can_be(first: list[int], second: list[int]) -> None:
    """In order, equal, and as many as the longest common subsequence has."""
    pairs = equal_items(first, second)
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            longest = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if a == b else longest

    assert all(first[i] == second[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    assert len(pairs) == lengths[-1][-1]
