"""What a drawing is made of: what stands below what, beside what, and what comes from afar."""

import pytest

from netdsl import compiler, shipped_specs
from netdsl.backends.diagram.drawing import draw
from netdsl.backends.diagram.members import box_count, levels_within
from netdsl.backends.diagram.pieces import Box, Chain, Drawing, Parallel, Port, boxes
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network, walk, walk_node

ALL = 64


def network(text: str) -> Network:
    return compiler.network_of(
        compiler.compile_source(Source("net.yaml", f"name: net\n{text}"), to_print=False)
    )


def outline(chain: Chain) -> list[object]:
    """A chain as nested lists: names, and for branches the symbol and each branch."""
    found: list[object] = []
    for piece in chain.pieces:
        if isinstance(piece, Box):
            inside = [outline(track) for track in piece.tracks]
            found.append((piece.name, *inside) if inside else piece.name)
        elif isinstance(piece, Parallel):
            found.append((piece.symbol, *(outline(branch) for branch in piece.branches)))
        else:
            found.append(f"{piece.kind} {piece.label}")
    return found


def drawn(text: str, levels: int = ALL) -> list[list[object]]:
    return [outline(chain) for chain in draw(network(text), levels).tracks]


def test_a_residual_is_a_body_beside_nothing() -> None:
    """The shortcut that is the input has no boxes, also where a block of its own says so."""
    text = """
input: [8, 8, 8]
blocks:
  shortcut: x if x.c == 8 else conv(8, 1)
net: (conv(8, 3, padding=1) -> relu) + shortcut -> tanh
"""

    assert drawn(text) == [["input input", ("+", ["conv1", "relu1"], []), "tanh1", "output output"]]


def test_branches_stand_beside_each_other_from_where_they_part() -> None:
    """What comes before all of them comes before the merge, and merges nest."""
    text = "input: [8, 8, 8]\nnet: relu -> (conv(4, 1) | (tanh -> conv(4, 1)) | (sigmoid - silu))\n"

    (main,) = drawn(text)

    assert main == [
        "input input",
        "relu1",
        ("|", ["conv1"], ["tanh1", "conv2"], [("−", ["sigmoid1"], ["silu1"])]),
        "output output",
    ]


def test_what_a_stage_recalls_comes_from_afar() -> None:
    """U-Net's way up takes what its way down saw; the port says which."""
    text = """
input: [4, 8, 8]
net:
  down: conv(4, 3, padding=1)
  bottom: maxpool(2)
  up: upsample(scale_factor=2) | (from(down) -> relu)
"""
    drawing = draw(network(text), ALL)

    assert outline(drawing.tracks[0]) == [
        "input input",
        "down",
        "bottom",
        ("up", ["upsample1", ("|", [], ["recall down", "relu1"])]),
        "output output",
    ]
    keys = {box.name: box.key for box in boxes(drawing.tracks)}
    (port,) = [piece for piece in _ports(drawing) if piece.kind == "recall"]
    assert port.source == keys["down"]


def _ports(drawing: Drawing) -> list[Port]:
    found: list[Port] = []

    def look(tracks: tuple[Chain, ...]) -> None:
        for chain in tracks:
            for piece in chain.pieces:
                if isinstance(piece, Port):
                    found.append(piece)
                else:
                    look(piece.tracks if isinstance(piece, Box) else piece.branches)

    look(drawing.tracks)
    return found


def test_a_closed_box_takes_from_afar_what_its_inside_would() -> None:
    """The same line leads to it when it is not opened."""
    text = "input: [4, 8, 8]\nnet:\n  a: relu\n  b: tanh\n  c: (from(a) -> conv(4, 1)) + id\n"

    closed = {box.name: box for box in boxes(draw(network(text), 1).tracks)}

    assert [source.key for source in closed["c"].captures] == [closed["a"].key]
    assert closed["b"].captures == ()


def test_several_inputs_are_several_ways() -> None:
    """Each begins at its own input; where both are merged at once they stand beside each other."""
    towers = "input: {left: [4], right: [5]}\nnet: (from(left) -> linear(3)) | (from(right) -> linear(2))\n"

    (main,) = drawn(towers)

    assert main == [("|", ["input left", "linear1"], ["input right", "linear2"]), "output output"]


def test_heads_hang_on_their_stages() -> None:
    """As ways of their own, and what is only there in training is told apart."""
    text = """
input: [4, 8, 8]
net:
  body: conv(4, 3)
  end: flatten -> linear(10)
heads:
  aux: {at: body, net: "flatten -> linear(10)"}
  kept: {at: body, keep: true, net: id}
"""
    drawing = draw(network(text), 1)

    assert [outline(chain) for chain in drawing.tracks[1:]] == [
        ["recall body", "aux"],
        ["recall body", "kept"],
    ]
    heads = {box.name: box.is_training_only for box in boxes(drawing.tracks) if box.family == "head"}
    assert heads == {"aux": True, "kept": False}


def test_repeats_are_one_box() -> None:
    """With their number; different uses of one block are one as well while they stay closed."""
    text = """
input: [4, 8, 8]
blocks:
  dense(k): x | conv(k, 1)
net:
  body: dense(2)*3 -> relu*2
  same: conv(10, 1)*5
"""
    shown = {box.path: (box.name, box.count) for box in boxes(draw(network(text), 4).tracks)}
    closed = {box.path: (box.name, box.count) for box in boxes(draw(network(text), 3).tracks)}

    assert shown["same"] == ("same", 5)
    assert shown["body.relu1"] == ("relu1", 2)
    assert [shown[f"body.dense1.{n}"] for n in range(3)] == [("0", 1), ("1", 1), ("2", 1)]
    assert closed["body.dense1.0"] == ("0–2", 3)


def test_uses_of_one_block_are_one_box_while_closed() -> None:
    """So that a dense block is a page; its figures are those of all, its output the last one's."""
    text = "input: [4, 8, 8]\nblocks:\n  dense: x | conv(2, 1)\nnet:\n  body: dense*3\n"
    found = network(text)

    (_, members) = boxes(draw(found, 2).tracks)

    assert (members.name, members.count, members.path, members.last_path) == ("0–2", 3, "body.0", "body.2")
    assert members.output == found.graph.output
    assert (members.costs.params, members.costs.macs) == (found.costs.params, found.costs.macs)


@pytest.mark.parametrize("spec", shipped_specs())
def test_every_layer_is_drawn(spec: str) -> None:
    """Fully opened, boxes times their counts are the network's layers and merges, at the paths they have."""
    found = compiler.network_of(compiler.compile_spec(spec, to_print=False))
    steps = list(walk(found.graph))
    for head in found.heads:
        steps += walk_node(found.graph, head.node, "")
    drawing = draw(found, ALL)

    leaves, paths = _leaves(drawing.tracks, 1)

    assert leaves == sum(step.node.costs.layers == 1 for step in steps)
    assert paths <= {step.path for step in steps}
    assert levels_within(found, box_count(found, 3)) >= 3


def _leaves(tracks: tuple[Chain, ...], times: int) -> tuple[int, set[str]]:
    number, paths = 0, set()
    for chain in tracks:
        for piece in chain.pieces:
            if isinstance(piece, Box) and not piece.has_inside:
                number += times * piece.count * (piece.costs.layers > 0)
                if piece.count == 1 and piece.costs.layers:
                    paths.add(piece.path)
            elif not isinstance(piece, Port):
                inner = piece.tracks if isinstance(piece, Box) else piece.branches
                count = piece.count if isinstance(piece, Box) else 1
                deeper, found = _leaves(inner, times * count)
                number += deeper
                paths |= {path for path in found if times * count == 1}
    return number, paths


def test_a_network_of_half_a_million_layers_is_drawn_as_deep_as_asked() -> None:
    """Blocks that double each other: what is not opened is not built."""
    doubling = "".join(f"  b{n}: b{n - 1} -> b{n - 1}\n" for n in range(1, 20))
    found = network(f"input: [4]\nblocks:\n  b0: relu\n{doubling}net: b19\n")

    assert found.costs.layers == 2**19
    assert box_count(found, 20) == 2**20 - 1
    assert levels_within(found, 44) == 5
    assert len(list(boxes(draw(found, 5).tracks))) == 31
