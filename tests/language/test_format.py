"""Formatting keeps what is said, every comment and every table, and changes nothing a second time."""

import re
from contextlib import suppress
from difflib import ndiff

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from netdsl.analysis.environment import UNROLLING
from netdsl.backends.python_source import print_source
from netdsl.compiler import Compilation, compile_source
from netdsl.diagnostics import Collector, Faults, Source
from netdsl.graph.formula import FUNCTIONS
from netdsl.language import format_expressions
from netdsl.language.format import _meaning, format_spec
from netdsl.language.yaml_text import read_yaml
from netdsl.training.recipe import resolve_recipe
from tests.language.test_any_text import CASES, SPECS, mutated
from tests.properties.networks import Drawn, networks

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
HEAD = "name: net\ninput: [3, 32, 32]\n"


def formatted(text: str) -> str:
    """The text formatted, which formatting again does not change."""
    once = format_spec(Source("spec.yaml", text))
    assert once == format_spec(Source("spec.yaml", once))
    return once


def comments(text: str) -> list[str]:
    """The comments of a text that has no other `#`."""
    return [found.rstrip() for found in re.findall(r"#[^\n]*", text)]


def printed(text: str) -> tuple[str, list[str], str]:
    """What a spec makes: its source with the modules' names, its claims and their verdicts, its recipe."""
    compilation = compile_source(Source("specs/spec.yaml", text))
    assert compilation.network is not None, [d.message for d in compilation.report.diagnostics]
    claims = [f"{claim.subject} {claim.claimed} {claim.verdict}" for claim in compilation.report.claims]
    return print_source(compilation.network), claims, _recipe(compilation)


def _recipe(compilation: Compilation) -> str:
    assert compilation.spec is not None
    return repr(resolve_recipe(compilation.spec.train, compilation.parameters, {}))


def expression(text: str) -> str:
    """An expression as it stands in a formatted spec."""
    *_, line = formatted(f"{HEAD}net: {text}\n").split("net: ", 1)
    return line.removesuffix("\n")


# The style


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("relu->tanh", "relu -> tanh"),
        ("conv( 64,3 ,padding = 1 )", "conv(64, 3, padding=1)"),
        ("conv(4 * c, k // 2)", "conv(4*c, k//2)"),
        ("conv(64*2 ** i)", "conv(64 * 2**i)"),
        ("conv(x.c//2)", "conv(x.c // 2)"),
        ("conv(c*w//64)", "conv(c * w // 64)"),
        ("conv(p * i / len(t))", "conv(p*i/len(t))"),
        ("conv(2 * n+1)", "conv(2*n + 1)"),
        ("unit(c) * (n - 1)", "unit(c)*(n-1)"),
        ("conv(1280 * max(1,w))", "conv(1280*max(1, w))"),
        ("conv(10 ** ( - 3 / 49 ))", "conv(10**(-3/49))"),
        ("x+f", "x + f"),
        ("x-noise", "x - noise"),
        ("x*gate", "x * gate"),
        ("id*(pool->conv(1, 1))", "id * (pool -> conv(1, 1))"),
        ("f*se(4)", "f * se(4)"),
        ("relu * 3", "relu*3"),
        ("a|b|( c->d )", "a | b | (c -> d)"),
        ("a if s==1 and not x . c<c else b", "a if s == 1 and not x.c < c else b"),
        ("(unit( n ) for i , n in enumerate( t ))", "(unit(n) for i, n in enumerate(t))"),
        ("conv(t [ 0 ] [1], [ 3,3 ])", "conv(t[0][1], [3, 3])"),
        ("conv(1_000, 1e-3, .5)", "conv(1_000, 1e-3, .5)"),
        ('rearrange("c  h->h c")', 'rearrange("c  h->h c")'),
        ("'relu ->tanh '", "'relu -> tanh'"),
        ("f(g [0], not  a, -  b)", "f(g[0], not a, -b)"),
    ],
)
def test_expressions_are_spaced(written: str, usual: str) -> None:
    """The loosest part of a calculation gets the blanks; numbers and quoted texts stay as they are."""
    assert expression(written) == usual
    assert expression(usual) == usual


def test_calls_that_give_values_are_known() -> None:
    """Those of the language, which `evaluate` knows; the others give layers."""
    assert set(FUNCTIONS) | set(UNROLLING) == format_expressions.FUNCTIONS


def test_sections_are_put_into_order() -> None:
    """With the comments above them; what is about the whole file stays at its top, a footer at its end."""
    text = """\
# the file

# the net
net:
  stem: relu
# its size
input: [3, 8, 8] # in pixels

# its name
name: net
# end
"""
    assert (
        formatted(text)
        == """\
# the file

# its name
name: net
# its size
input: [3, 8, 8] # in pixels
# the net
net:
  stem: relu
# end
"""
    )


def test_indentation_and_blank_lines() -> None:
    """Two columns a level, one blank line at most, none at the ends, no blanks before the end of a line."""
    text = (
        "\n\nname: net\ninput: [3, 8, 8]   \n\n\n\nnet:\n    a:\n    - relu\n    -   b: tanh\n        c: relu"
    )
    assert formatted(text) == (
        "name: net\ninput: [3, 8, 8]\n\nnet:\n  a:\n    - relu\n    - b: tanh\n      c: relu\n"
    )


def test_comments_stay_where_they_are() -> None:
    """Before, behind and below what they are about."""
    text = """\
name: net # one
# two
input: # three
  # four
  [3, 8, 8]
net:
      # five
  a: # six
    relu # seven
    # eight
  b: > # nine
    conv(8, 3) # ten
    # eleven
    -> relu
     # twelve
 # thirteen
"""
    assert comments(formatted(text)) == comments(text)
    assert "  # five\n  a: # six\n    relu # seven\n" in formatted(text)


def test_line_breaks_are_the_authors() -> None:
    """They say what belongs together; brackets indent, unless what they hold was aligned."""
    text = f"""\
{HEAD}params:
  rows: [[1, 2],
         [3, 4],
     [5, 6]]
net: (conv(n, 1) for n in
   range(
  1,
      4
   ))
     -> relu
"""
    assert (
        formatted(text)
        == f"""\
{HEAD}params:
  rows: [[1, 2],
         [3, 4],
    [5, 6]]
net: (conv(n, 1) for n in
  range(
    1,
    4
  ))
  -> relu
"""
    )


def test_a_line_that_is_too_long_is_broken_where_it_is_loosest() -> None:
    """First behind its key, then before the last arrow that fits, not inside of brackets."""
    layer = "conv(64, 3, padding=1, stride=2)"
    assert formatted(f"{HEAD}net:\n  a_long_name: {layer} -> {layer} -> {layer}\n") == (
        f"{HEAD}net:\n  a_long_name:\n    {layer} -> {layer} -> {layer}\n"
    )
    assert formatted(f"{HEAD}net: {layer} -> {layer} -> {layer} -> {layer}\n") == (
        f"{HEAD}net:\n  {layer} -> {layer} -> {layer}\n  -> {layer}\n"
    )


def test_columns_that_were_aligned_stay_aligned() -> None:
    """A row that joins takes its place in the table."""
    text = f"""\
{HEAD}net:
  a: inception( 64,  96, 8)
  b: inception(128, 128, 16)
  other: relu
  c: pool -> inception(1024, 5, 5)
"""
    assert (
        formatted(text)
        == f"""\
{HEAD}net:
  a: inception(  64,  96,  8)
  b: inception( 128, 128, 16)
  other: relu
  c: pool -> inception(1024,   5,  5)
"""
    )


def test_words_are_aligned_at_their_beginnings() -> None:
    """And numbers, where the author began them below each other."""
    text = f"{HEAD}net:\n  a: f(true,  3)\n  b: f(false, 31)\n"
    assert formatted(text) == text


def test_other_blanks_in_calls_go() -> None:
    """What is not aligned with anything, or one row of many by chance, says nothing."""
    rows = "".join(f"  s{n}: h({n}, 30)\n" for n in (5, 6, 7, 10))
    assert formatted(f"{HEAD}net:\n{rows.replace('(5, ', '( 5, ')}") == f"{HEAD}net:\n{rows}"
    assert formatted(f"{HEAD}net:\n  a: f(  64,   3)\n  b: g(128, 3)\n") == (
        f"{HEAD}net:\n  a: f(64, 3)\n  b: g(128, 3)\n"
    )


def test_comments_below_each_other_stay_aligned() -> None:
    """Where they were; else one blank stands before each."""
    text = f"{HEAD}net:\n  a: relu          # one\n  b: conv(3, 1)    # two\n"
    assert formatted(text) == f"{HEAD}net:\n  a: relu       # one\n  b: conv(3, 1) # two\n"
    text = f"{HEAD}net:\n  a: relu   # one\n  b: conv(3, 1)    # two\n"
    assert formatted(text) == f"{HEAD}net:\n  a: relu # one\n  b: conv(3, 1) # two\n"


def test_texts_are_not_expressions() -> None:
    """`about`, `cite`, `wrong` and paths keep their words and signs, on as many lines as they had."""
    text = """\
name: net
about: |
  A  a->b (1 ,2)

    deeper  text
input: [3, 8, 8]
net: relu
claims: {cite: the authors'  a->b, params: {value: 1, wrong: x  -y}}
train:
  data: [digits, "folder:a  b"]
"""
    assert formatted(text) == text
    assert formatted(text.replace("  A  a", "     A  a").replace("    deeper", "       deeper")) == text


@pytest.mark.parametrize(
    "text",
    [
        "net: [",
        HEAD + "net: conv(8 3)\n",
        HEAD + "net: relu\nnet: tanh\n",
        HEAD + "blocks:\n  f(a b): relu\nnet: f(1)\n",
        HEAD + "train:\n  optimizer: *a\nnet: relu\n",
        "",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """With diagnostics, as reading it does."""
    with pytest.raises(Faults):
        format_spec(Source("spec.yaml", text))


# Laws


NAMES = [text.partition("name: ")[2].partition("\n")[0] for text in SPECS]


@pytest.mark.parametrize("text", SPECS, ids=NAMES)
def test_a_shipped_spec_says_the_same(text: str) -> None:
    """Formatting keeps its words, comments and network, and lines within 110 columns."""
    after = formatted(text)

    assert sorted("".join(after.split())) == sorted("".join(text.split()))
    assert after == text or printed(after) == printed(text)
    assert all(len(line.partition(" #")[0]) <= 110 for line in after.splitlines())


@SLOW
@given(networks(), st.data())
def test_a_random_network_says_the_same(drawn: Drawn, data: st.DataObject) -> None:
    """In whatever layout its text is, with comments between its lines."""
    text = _commented(data, drawn.text)
    after = formatted(text)

    assert comments(after) == comments(text)
    assert printed(after)[0] == printed(text)[0]


@SLOW
@given(mutated() | st.sampled_from(CASES))
def test_any_text_is_formatted_once_or_refused(text: str) -> None:
    """What can be read has a layout of its own; `format_spec` itself sees to it that nothing else changes."""
    with suppress(Faults):
        formatted(text)


@SLOW
@given(st.sampled_from([text for text in SPECS if "#" not in text]), st.data())
def test_another_layout_of_a_spec_has_the_same_layout(text: str, data: st.DataObject) -> None:
    """Blanks within lines and comments between them: the blanks vanish, the comments stay in order."""
    usual = formatted(text)
    mangled = _commented(data, _respaced(data, usual))
    _assume_readable(mangled)
    after = formatted(mangled)

    assert comments(after) == comments(mangled)
    assert printed(after) == printed(text)
    without = re.sub(r"^ *#[^\n]*\n| #[^\n]*", "", after, flags=re.MULTILINE)
    assert without == usual, "".join(ndiff(usual.splitlines(True), without.splitlines(True)))


def _respaced(data: st.DataObject, text: str) -> str:
    """Blanks around the arrows, commas and parentheses of a text whose tables are not aligned."""
    assume(not re.search(r"[(,]  +\d", text))
    body = text.partition("\ninput:")
    rest = re.sub(
        r"\b(?:cite|wrong):[^\n]*| (->|\|) |(, )(?=\w)|(?<=\w)\((?=\w)",  # prose keeps its blanks
        lambda found: data.draw(st.sampled_from([found[0], found[0], _wider(found[0])])),
        body[2],
    )
    return body[0] + body[1] + rest


def _wider(sign: str) -> str:
    """More blanks than any column needs: fewer might align something."""
    if ":" in sign:
        return sign
    return {"(": "(" + " " * 40, ", ": "  ," + " " * 40}.get(sign, sign.replace(" ", "   "))


def _commented(data: st.DataObject, text: str) -> str:
    """The text with comments above and behind a few of its entries."""
    source = Source("spec.yaml", text)
    document = read_yaml(source, Collector())
    places = []
    for key, value in document.entries():
        inner = value.entries() if "\n" in source.text[key.span.end : value.span.start] else ()
        places += [(key, value), *inner]
    inserted: dict[int, str] = {}
    for number, (key, value) in enumerate(places):
        line_start = text.rfind("\n", 0, key.span.start) + 1
        if data.draw(st.integers(0, 5)) == 0 and number:
            inserted[line_start] = " " * data.draw(st.integers(0, 4)) * (number > 3) + f"# above {number}\n"
        ends = value.span.end == len(text) or text[value.span.end : value.span.end + 1] == "\n"
        if value.kind == "scalar" and ends and value.span.text[0] not in "|>" and data.draw(st.booleans()):
            inserted[value.span.end] = f"  # behind {number}"
    for at in sorted(inserted, reverse=True):
        text = text[:at] + inserted[at] + text[at:]
    return text


def _assume_readable(text: str) -> None:
    try:
        format_spec(Source("spec.yaml", text))
    except Faults:
        assume(False)


def test_a_changed_meaning_would_be_found() -> None:
    """The comparison behind every formatting can fail: each part of what a text says counts."""

    def said(text: str) -> object:
        return _meaning(read_yaml(Source("spec.yaml", text), Collector()), ())

    text = HEAD + "blocks:\n  f(a, b=2): relu -> conv(a, 3)\nnet: f(1)*2\nclaims: {cite: a b}\n"
    assert said(text) == said(text.replace("1)*2", "1) * 2").replace("a, b=2", "a,b = 2"))
    for old, new in [("2", "3"), ("a b", "a  c"), ("->", "+"), ("b=2", "c=2"), ("f(1)*2", "(f(1)*2)*1")]:
        assert said(text) != said(text.replace(old, new, 1))
