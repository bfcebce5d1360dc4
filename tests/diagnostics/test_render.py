"""How a diagnostic looks in a terminal: whole messages, as one reads them."""

import io
from textwrap import dedent

import pytest

from netdsl.diagnostics import Diagnostic, Edit, Label, Source, Span
from netdsl.diagnostics.render import COLOURED, LONGEST_TRAIL, PLAIN, render, render_all, style_for
from netdsl.diagnostics.snippet import WIDEST, harmless
from netdsl.records import replace

RESNET = Source(
    "specs/resnet.yaml",
    dedent("""\
    name: resnet
    input: [3, 8, 8]
    blocks:
      pair(c): conv(c, 1) + conv(64, 3) -> relu
      stage(c): pair(c) -> pair(c)
    net:
      stem: stage(256)
      body:
        concat:
          - relu

          - tanh
    """),
)


def span(text: str, source: Source = RESNET) -> Span:
    """The first place of a text in a source."""
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def drawn(text: str) -> str:
    """An expected message, written indented."""
    return dedent(text).removeprefix("\n")


def test_both_places_stand_under_one_line() -> None:
    """Several places on one line are drawn together; texts that do not fit beside the marks hang below."""
    diagnostic = Diagnostic(
        code="add-shapes",
        message="cannot add 256×8×8 and 64×8×8",
        span=span("+"),
        label="added here",
        labels=(Label(span("conv(c, 1)"), "this is 256×8×8"), Label(span("conv(64, 3)"), "this is 64×8×8")),
        trail=(
            Label(span("stage(256)"), "block `stage`"),
            Label(
                Span(RESNET, RESNET.text.index("pair(c) ->"), RESNET.text.index(" -> pair")), "block `pair`"
            ),
        ),
        notes=("shapes must be equal",),
        help="make the channels equal",
    )

    expected = drawn("""
        error[add-shapes]: cannot add 256×8×8 and 64×8×8
         --> specs/resnet.yaml:4:23
          |
        4 |   pair(c): conv(c, 1) + conv(64, 3) -> relu
          |            ---------- ^ ----------- this is 64×8×8
          |            |          |
          |            |          added here
          |            this is 256×8×8
          |
          = in: block `stage`, used at specs/resnet.yaml:7:9
          = in: block `pair`, used at specs/resnet.yaml:5:13
          = note: shapes must be equal
          = help: make the channels equal
        """)
    assert expected == render(diagnostic)


def test_the_mended_line_is_shown_where_the_help_leaves_it_open() -> None:
    """As `--fix` writes it, without the comment; not where the help has the word already."""
    source = Source("a.yaml", "net: [relu -> tanh]*2  # twice\n")
    brackets = tuple(
        Edit(Span(source, at, at + 1), text) for at, text in ((5, "("), (source.text.index("]"), ")"))
    )
    place = Span(source, 5, 6)
    word = (Edit(Span(source, 6, 10), "relu6"),)

    drawing = render(Diagnostic(code="c", message="m", span=place, help="group it", fix=brackets))
    assert drawing.endswith("  = help: group it\n  = mended: net: (relu -> tanh)*2\n")
    told = Diagnostic(code="c", message="m", span=place, help="write `relu6`", fix=word)
    assert "mended" not in render(told)
    assert "mended: net: [relu6 -> tanh]*2" in render(replace(told, help="write another"))
    over = (Edit(Span(source, 5, len(source.text)), "(\n"),)
    assert "mended" not in render(replace(told, help="write it over", fix=over))


def test_places_on_other_lines_follow_in_order() -> None:
    """A gap between lines is shown, and the gutter is as wide as its widest number."""
    diagnostic = Diagnostic(
        code="duplicate-key",
        message="twice",
        span=span("- tanh"),
        label="again",
        labels=(Label(span("- relu"), "first here"), Label(span("concat:"), "")),
        severity="warning",
    )

    expected = drawn("""
        warning[duplicate-key]: twice
          --> specs/resnet.yaml:12:7
           |
         9 |     concat:
           |     -------
        10 |       - relu
           |       ------ first here
        ...
        12 |       - tanh
           |       ^^^^^^ again
        """)
    assert expected == render(diagnostic)


def test_a_place_in_another_file_has_a_snippet_of_its_own() -> None:
    """`:::` leads to the second file."""
    base = Source("specs/base.yaml", "name: base\n")
    diagnostic = Diagnostic(
        code="extends",
        message="cycle",
        span=span("resnet"),
        labels=(Label(span("base", base), "extended here"),),
    )

    expected = drawn("""
        error[extends]: cycle
         --> specs/resnet.yaml:1:7
          |
        1 | name: resnet
          |       ^^^^^^
         ::: specs/base.yaml:1:7
          |
        1 | name: base
          |       ---- extended here
        """)
    assert expected == render(diagnostic)


def test_a_span_of_several_lines_is_marked_on_its_first() -> None:
    """The carets reach to the end of the first line's text."""
    whole = Span(RESNET, RESNET.text.index("concat:"), len(RESNET.text))

    assert render(Diagnostic(code="c", message="m", span=whole, label="all of it")).splitlines()[3:5] == [
        "9 |     concat:",
        "  |     ^^^^^^^ all of it",
    ]


def test_the_end_of_a_file_can_be_pointed_at() -> None:
    """A span behind the last character has a caret, on the empty last line too."""
    end = len(RESNET.text)

    assert render(Diagnostic(code="c", message="m", span=Span(RESNET, end, end + 1))).splitlines()[3:] == [
        "13 |",
        "   | ^",
    ]
    assert " ^" in render(Diagnostic(code="c", message="m", span=Span(Source("empty", ""), 0, 0)))


def test_a_fault_without_a_place_has_no_snippet() -> None:
    """A fault of the command line is its sentence and its help."""
    diagnostic = Diagnostic(
        code="unknown-verb", message="no verb `chek`", span=None, help="did you mean `check`?"
    )

    assert render(diagnostic) == "error[unknown-verb]: no verb `chek`\n = help: did you mean `check`?\n"


def test_help_of_several_lines_stays_aligned() -> None:
    """The second line begins under the first."""
    diagnostic = Diagnostic(code="c", message="m", span=None, help="one\ntwo")

    assert render(diagnostic).endswith(" = help: one\n         two\n")


@pytest.mark.parametrize(
    ("line", "marked", "expected"),
    [
        ("stem:\tconv(3)", "conv(3)", "         ^^^^^^^"),
        ("漢字: conv(3)", "conv(3)", "      ^^^^^^^"),
        ("a: 漢字", "漢字", "   ^^^^"),
        ("e\u0301: conv", "conv", "   ^^^^"),
        ("a\u202eb: conv", "conv", "            ^^^^"),
        ("\x1b[2J: conv", "conv", "      ^^^^"),
    ],
)
def test_carets_stand_under_what_a_terminal_shows(line: str, marked: str, expected: str) -> None:
    """Tabs, wide, combining, steering and invisible characters do not move the carets off their text."""
    source = Source("wide.yaml", line)

    *_, code, carets = render(Diagnostic(code="c", message="m", span=span(marked, source))).splitlines()

    assert carets == f"  | {expected}"
    assert code == f"1 | {harmless(line)}"


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u200e", "\u202e", "\u2066", "\u2028", "\ufeff", "\ud800"],
)
def test_what_could_steer_a_terminal_is_shown_instead(character: str) -> None:
    """Control characters and bidirectional overrides never reach the terminal, wherever they were written."""
    text = f"a{character}b"
    source = Source(f"{text}.yaml", f"x: {text}\n")
    place = Span(source, 3, 6)
    diagnostic = Diagnostic(
        code="c",
        message=text,
        span=place,
        label=text,
        labels=(Label(Span(source, 0, 1), text),),
        trail=(Label(place, text),),
        notes=(text,),
        help=text,
    )

    drawing = render(diagnostic)

    assert character not in drawing
    assert drawing.isprintable() or all(line.isprintable() for line in drawing.split("\n"))
    assert drawing.encode("utf-8")


def test_a_line_without_end_is_shown_around_its_fault() -> None:
    """Of a line as a machine may write it, a window is drawn; the caret stays under its character."""
    source = Source("long.yaml", "a" * 100_000 + "(" + "b" * 100_000)

    lines = render(
        Diagnostic(code="c", message="m", span=Span(source, 100_000, 100_001), label="here")
    ).splitlines()

    assert max(map(len, lines)) < WIDEST + 20
    assert lines[-2][lines[-1].index("^")] == "("


def test_a_mark_too_long_for_its_window_is_cut() -> None:
    """A span over the whole of a long line does not draw a thousand carets."""
    source = Source("long.yaml", "a" * 1000)

    lines = render(Diagnostic(code="c", message="m", span=Span(source, 0, 1000), label="here")).splitlines()

    assert lines[-1] == f"  | {'^' * WIDEST} here"


def test_a_long_trail_shows_its_ends() -> None:
    """The outermost and innermost uses stay; the number between them is said."""
    trail = tuple(Label(span("stage(256)"), f"block `b{i}`") for i in range(LONGEST_TRAIL + 5))

    lines = render(Diagnostic(code="c", message="m", span=span("relu"), trail=trail)).splitlines()
    uses = [line for line in lines if "= in:" in line]

    assert len(uses) == LONGEST_TRAIL + 1
    assert "`b0`" in uses[0]
    assert "5 more" in uses[LONGEST_TRAIL // 2]
    assert f"`b{LONGEST_TRAIL + 4}`" in uses[-1]


def test_colour_changes_nothing_but_colour() -> None:
    """Without its escape codes the coloured drawing is the plain one."""
    diagnostic = Diagnostic(
        code="c", message="m", span=span("+"), label="here", labels=(Label(span("relu"), "there"),), help="h"
    )
    coloured = render(diagnostic, COLOURED)

    for code in vars(COLOURED).values():
        coloured = coloured.replace(code, "")

    assert "\x1b" not in coloured
    assert coloured == render(diagnostic)
    assert "\x1b" in render(diagnostic, COLOURED)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR and a dumb terminal turn it off, and a file never has it."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert style_for(Terminal()) == COLOURED
    assert style_for(io.StringIO()) == PLAIN
    monkeypatch.setenv("TERM", "dumb")
    assert style_for(Terminal()) == PLAIN
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_for(Terminal()) == PLAIN


def test_diagnostics_are_separated_by_an_empty_line() -> None:
    """None at all are no text."""
    one = Diagnostic(code="c", message="m", span=None)

    assert render_all([one, one]) == "error[c]: m\n\nerror[c]: m\n"
    assert render_all([]) == ""
