"""The page: well formed, alone, usable by keyboard; and what its script works out."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from netdsl import compiler
from netdsl.backends.diagram import page as page_module
from netdsl.backends.diagram.drawing import draw
from netdsl.backends.diagram.members import levels_within
from netdsl.backends.diagram.page import page
from netdsl.diagnostics import Source

VOID = {"meta", "link", "br", "hr", "img", "input"}
SCRIPT = Path(page_module.__file__).with_name("page.js")


class Reader(HTMLParser):
    """Reads a page, and remembers its elements and what is wrong with their nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.texts: dict[str, str] = {}
        self._current = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if len(found) != len(attrs):
            self.faults.append(f"{tag} has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)
        self._current = found.get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another")

    def handle_data(self, data: str) -> None:
        self.texts[self._current] = self.texts.get(self._current, "") + data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    reader.faults += [f"{tag} is not closed" for tag in reader.open]
    return reader


def made(spec: str, levels: int = 2) -> str:
    compilation = compiler.compile_spec(spec, to_print=False)
    network = compiler.network_of(compilation)
    return page(draw(network, levels_within(network, 4000)), compilation.sources, levels)


SPECS = ("lenet5", "resnet50", "googlenet", "unet", "dscmr", "densenet121", "lenet5_1998", "se_resnet50")


@pytest.mark.parametrize("spec", SPECS)
def test_a_page_is_well_formed(spec: str) -> None:
    """Elements nest, names of elements are there once, and each box has its facts."""
    reader = read(made(spec))
    ids = [found["id"] for _, found in reader.elements if "id" in found]
    boxes = [found for _, found in reader.elements if "data-node" in found]
    nodes = json.loads(reader.texts["nodes"])

    assert reader.faults == []
    assert len(ids) == len(set(ids))
    assert [int(found["data-node"] or "") for found in boxes] == [node["number"] for node in nodes]
    assert [found["data-path"] for found in boxes] == [node["path"] for node in nodes]


@pytest.mark.parametrize("spec", SPECS)
def test_boxes_open_by_buttons(spec: str) -> None:
    """Each says whether it is open and what it opens; open ones show their inside."""
    reader = read(made(spec))
    insides = {found["id"]: found for _, found in reader.elements if "inside" in (found.get("class") or "")}
    buttons = [found for tag, found in reader.elements if tag == "button" and "aria-expanded" in found]

    assert {found["aria-controls"] for found in buttons} == insides.keys()
    for found in buttons:
        assert (found["aria-expanded"] == "false") == ("hidden" in insides[found["aria-controls"]])
    assert any("hidden" in found for found in insides.values()) or spec == "lenet5"


def test_a_page_loads_nothing() -> None:
    """No address but the name of SVG's namespace, and a policy that forbids loading."""
    text = made("googlenet")
    reader = read(text)

    assert set(re.findall(r"https?://[^\s\"'`]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not [found for _, found in reader.elements if found.keys() & {"src", "href"}]
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("spec", "kilobytes"), [("preact_resnet1001", 120), ("resnet152", 150), ("densenet201", 800)]
)
def test_the_size_is_that_of_what_is_different(spec: str, kilobytes: int) -> None:
    """Repeats are one box, not 3,000."""
    assert len(made(spec).encode()) < 1000 * kilobytes


def test_spans_point_into_the_text_that_is_shown() -> None:
    """A node's lines and columns cut what made it out of the page's own lines."""
    reader = read(made("resnet50"))
    nodes = {node["path"]: node for node in json.loads(reader.texts["nodes"])}
    text = (
        Path(compiler.compile_spec("resnet50", to_print=False).sources[0].name)
        .read_text("utf-8")
        .splitlines()
    )

    node = nodes["stem.maxpool1"]
    line = text[node["first"] - 1]

    assert line[node["start"] : node["end"]] == "maxpool(3, stride=2, padding=1)"


HOSTILE = """name: net
about: "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
input: [4, 8, 8]
params: {mode: '"</script><!-- <script>"'}
net:
  a: pad(1, mode="zeros") if mode == "x" else relu # </ol><script>alert(3)</script> \U0001f600
  b: tanh
"""


def test_hostile_text_is_text() -> None:
    """Neither the description nor a comment nor a file's name can become an element."""
    compilation = compiler.compile_source(Source("<img src=x>.yaml", HOSTILE), to_print=False)
    text = page(draw(compiler.network_of(compilation), 9), compilation.sources, 1)
    reader = read(text)

    assert reader.faults == []
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert "img" not in {tag for tag, _ in reader.elements}
    assert not [name for _, found in reader.elements for name in found if name.startswith("on")]
    assert "<" not in reader.texts["nodes"]
    assert json.loads(reader.texts["nodes"])[-1]["path"] == "b"


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine here")
def test_what_the_script_works_out() -> None:
    """Lines to nodes, nodes to columns, what is said of a node, and the order of lines around boxes."""
    questions = """
const { nodesOfLine, columnsOf, factsOf, curve, byLength } = require(process.argv[1]);
const node = {number: 0, source: 0, first: 3, start: 4, last: 5, end: 2, count: 2, text: "conv(8, 3)",
              input: "3×8×8", output: "8×6×6", params: 1234567, macs: 5, share: "2 %"};
const other = {...node, number: 1, source: 1};
const short = {from: {top: 0}, to: {top: 5}}, long = {from: {top: 0}, to: {top: 50}};
console.log(JSON.stringify({
  lines: [2, 3, 5, 6].map((line) => nodesOfLine([node, other], 0, line).map((one) => one.number)),
  columns: [2, 3, 4, 5].map((line) => columnsOf(node, line, 10)),
  empty: columnsOf({...node, first: 3, last: 3, start: 4, end: 4}, 3, 10),
  facts: factsOf(node), once: factsOf({...node, count: 1, share: "", text: ""}),
  order: byLength([long, short]).map((way) => way.to.top),
  left: curve({left: 10, right: 20, top: 0, bottom: 10}, {left: 10, right: 20, top: 100, bottom: 110}, 0),
}));
"""
    done = subprocess.run(
        ["node", "-e", questions, str(SCRIPT)], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(done.stdout)

    assert found["lines"] == [[], [0], [0], []]
    assert found["columns"] == [None, [4, 10], [0, 10], [0, 2]]
    assert found["empty"] is None
    assert found["facts"] == [
        "conv(8, 3)",
        "3×8×8 → 8×6×6",
        "2 times, together 1,234,567 parameters, 5 MACs (2 %)",
    ]
    assert found["once"] == ["3×8×8 → 8×6×6", "1,234,567 parameters, 5 MACs"]
    assert found["order"] == [5, 50]
    assert found["left"].startswith("M10 5Q0 5")
    assert found["left"].endswith("10 105")
