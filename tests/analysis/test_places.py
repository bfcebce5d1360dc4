"""Where a diagnostic points: at the fault, at what it is about, and at the uses of blocks that led there."""

import pytest

from netdsl.compiler import compile_source
from netdsl.diagnostics import Diagnostic, Source, Span

HEAD = "name: net\ninput: [3, 32, 32]\n"


def fault(text: str) -> Diagnostic:
    """The one thing that is wrong."""
    (found,) = compile_source(Source("spec.yaml", HEAD + text)).report.diagnostics
    return found


def place(span: Span | None) -> tuple[int, str]:
    """A span's line and text."""
    assert span is not None
    return span.source.position(span.start)[0], span.text


def test_a_shape_points_at_what_gave_it() -> None:
    """At the argument, the layer, and the layer before it."""
    found = fault("net:\n  stem: conv(8, 3) -> relu\n  body: conv(8, 31)\n")

    assert place(found.span) == (5, "31")
    assert [(label.text, place(label.span)) for label in found.labels] == [
        ("in this layer", (5, "conv(8, 31)")),
        ("gives 8×30×30", (4, "stem")),
    ]


def test_the_input_points_at_its_shape() -> None:
    """Where nothing stands between it and the fault."""
    found = fault("net: conv(8, 33)\n")

    assert place(found.labels[1].span) == (2, "[3, 32, 32]")


def test_both_branches_of_a_merge_are_pointed_at() -> None:
    """With their shapes, and the operator between them."""
    found = fault("net: relu -> conv(8, 1) + (conv(8, 3) -> tanh)\n")

    assert place(found.span) == (3, "+")
    assert [(label.text, label.span.text) for label in found.labels] == [
        ("gives 8×32×32", "conv(8, 1)"),
        ("gives 8×30×30", "conv(8, 3) -> tanh"),
        ("height 32 becomes 30 here", "conv(8, 3)"),
    ]


ORIGINS = {
    "net:\n  stem: conv(8, 3, stride=2, padding=1) -> relu\n  body: id + from(input)\n": [
        ("height 32 becomes 16 here: stride=2", "conv(8, 3, stride=2, padding=1)")
    ],
    "net:\n  stem: maxpool(2) -> tanh\n  body: relu -> from(stem) + from(input)\n": [
        ("height 32 becomes 16 here", "maxpool(2)")
    ],
    "blocks:\n  unit: relu -> conv(8, 1)*2\nnet: (unit -> tanh -> elu) + (relu -> conv(4, 1) -> relu)\n": [
        ("makes 8 channels", "conv(8, 1)"),
        ("makes 4 channels", "conv(4, 1)"),
    ],
    "net: x + ((maxpool(n) for n in [1, 2, 1]) -> relu)\n": [("height 32 becomes 16 here", "maxpool(n)")],
    "net: x + (concat(conv(n, 1) for n in [2, 3]) -> relu)\n": [
        ("makes 5 channels", "concat(conv(n, 1) for n in [2, 3])")
    ],
    "net: x + (relu*3 -> conv(8, 1))\n": [("makes 8 channels", "conv(8, 1)")],
    "net: x + conv(8, 1)\n": [],
}


@pytest.mark.parametrize(("text", "origins"), ORIGINS.items(), ids=list(ORIGINS))
def test_where_a_size_came_from_is_pointed_at(text: str, origins: list[tuple[str, str]]) -> None:
    """The layer that last changed the axis, wherever it stands, unless the branch is no more than it."""
    found = fault(text)

    shown = [(label.text, label.span.text) for label in found.labels]
    assert [label for label in shown if not label[0].startswith("gives ")] == origins


def test_of_many_branches_the_unlike_one_is_pointed_at() -> None:
    """And the first, which it is unlike."""
    found = fault("net: relu | tanh | maxpool(2) | elu\n")

    assert [label.span.text for label in found.labels] == ["relu", "maxpool(2)"]
    assert found.span is not None
    assert found.span.source.text[found.span.start :] == "| maxpool(2) | elu\n"


def test_the_uses_of_blocks_lead_from_the_net_to_the_fault() -> None:
    """Outermost first."""
    text = (
        "blocks:\n  a(k): b(k)\n  b(k): relu -> c(k)\n  c(k): conv(8, k)\nnet:\n  stem: a(3)\n  body: a(33)\n"
    )
    found = fault(text)

    assert place(found.span) == (6, "k")
    assert [(step.text, place(step.span)) for step in found.trail] == [
        ("block `a`", (9, "a(33)")),
        ("block `b`", (4, "b(k)")),
        ("block `c`", (5, "c(k)")),
    ]


def test_a_block_is_pointed_at_as_what_gives_a_shape() -> None:
    """From outside it is one layer."""
    found = fault("blocks:\n  a: conv(8, 3) -> relu\nnet: a -> x + id\n")

    assert [(label.text, label.span.text) for label in found.labels] == [
        ("gives 3×32×32", "x"),
        ("gives 8×30×30", "id"),
        ("height 32 becomes 30 here", "conv(8, 3)"),
    ]


def test_a_fault_in_the_prelude_is_its_users() -> None:
    """The spec's own text comes first, then the place in the block that netdsl brought."""
    found = fault("blocks:\n  a: se\nnet: conv(8, 1) -> a\n")

    assert found.code == "argument-range"
    assert place(found.span) == (4, "se")
    assert found.labels[0].span.source.name == "prelude.yaml"
    assert found.labels[0].span.text == "x.c // r"
