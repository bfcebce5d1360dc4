"""What checking finds out, as data: shapes, figures, heads and claims."""

from netdsl.analysis.report import Report
from netdsl.compiler import compile_source
from netdsl.diagnostics import Source

SPEC = """
name: net
input: {picture: [3, 8, 8], numbers: [5]}
blocks:
  unit(c): conv(c, 3) -> relu
net:
  seen: from(picture) -> unit(4)*2 -> global_avgpool -> flatten
  known: from(numbers) -> linear(4)
  both: from(seen) + from(known)
  out: linear(2)
heads:
  early: {at: seen, weight: 0.3, net: linear(2)}
  kept: {at: known, keep: true, net: linear(3)}
claims:
  params: {value: 297, wrong: it forgets a bias}
  shapes: {out: [2], both: [4]}
  neurons: 14
"""


def report(text: str, **settings: str) -> Report:
    found = compile_source(Source("spec.yaml", text), settings).report
    assert found.ok, found.diagnostics
    return found


def test_inputs_and_output() -> None:
    """Each input's shape by name, where there are several; without the batch."""
    found = report(SPEC)

    assert found.input == {"picture": (3, 8, 8), "numbers": (5,)}
    assert found.output == (2,)
    assert report("name: net\ninput: [3, 8]\nnet: relu\n").input == (3, 8)


def test_figures() -> None:
    """By hand: 112 and 148 for the convolutions, 24, 10, and 15 for the head that is kept."""
    found = report(SPEC)

    assert found.params == 112 + 148 + 24 + 10 + 15
    assert found.macs == 4 * 27 * 36 + 4 * 36 * 16 + 20 + 8 + 12
    assert found.layers == 4 + 2 + 1 + 1 + 1


def test_stages() -> None:
    """In order, each with its share."""
    found = report(SPEC)

    assert [(stage.name, stage.output, stage.params) for stage in found.stages] == [
        ("seen", (4,), 260),
        ("known", (4,), 24),
        ("both", (4,), 0),
        ("out", (2,), 10),
    ]


def test_nodes_are_every_layer_and_merge() -> None:
    """Expanded, with the head that is kept at the end."""
    found = report(SPEC)

    assert [node.layer for node in found.nodes] == [
        *("conv", "relu", "conv", "relu", "global_avgpool", "flatten"),
        *("linear", "add", "linear", "linear"),
    ]
    assert sum(node.params for node in found.nodes) == found.params
    assert sum(node.macs for node in found.nodes) == found.macs


def test_heads_keep_what_is_said_of_them() -> None:
    """A head weighs 1 unless it says otherwise."""
    heads = {head.name: (head.at, head.weight, head.keep) for head in report(SPEC).heads}

    assert heads == {"early": ("seen", 0.3, False), "kept": ("known", 1.0, True)}


def test_claims_have_verdicts() -> None:
    """One that is wrong in print is neither held nor failed."""
    verdicts = {claim.subject: (claim.verdict, claim.measured) for claim in report(SPEC).claims}

    assert verdicts == {
        "params": ("wrong in print", 309),
        "shapes.out": ("holds", (2,)),
        "shapes.both": ("holds", (4,)),
        "neurons": ("holds", 14),
    }


def test_claims_are_of_the_spec_as_it_is_written() -> None:
    """With another parameter it is another network, of which nothing is claimed."""
    text = "name: net\ninput: [3, 8]\nparams: {n: 4}\nnet: conv(n, 1)\nclaims: {params: 16}\n"

    assert [claim.verdict for claim in report(text).claims] == ["holds"]
    assert report(text, n="8").claims == ()
    assert report(text, n="8").params == 32
