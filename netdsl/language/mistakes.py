"""Why a text is not an expression: broken examples, each with the name of its fault.

Lark says which token it did not expect in which state; a table of broken texts maps that state to the
mistake a person made. What the table does not know gets the plain fact: what stands there.
"""

from __future__ import annotations

from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from netdsl.diagnostics import Diagnostic
from netdsl.language import expressions

EXAMPLES: dict[str, tuple[str, ...]] = {
    "missing-parenthesis": ("conv(3", "conv(3, 4", "(a -> b", "conv(a=3", "[a, b", "conv((1, 2)", "conv()("),
    "missing-operand": (
        "a ->",
        "-> a",
        "a + ",
        "a |",
        "a -> -> b",
        "a * * b",
        "a if c else",
        "a | -> b",
        "conv(*3)",
    ),
    "missing-arrow": ("conv(3) relu", "a b", "(a) b", "conv(3) conv(4)", "a [1] b", "relu 3"),
    "missing-comma": ("conv(3 4)", "conv(64 k)", "[1 2]", "(1, 2 3)", "conv(a=1 b=2)"),
    "missing-value": ("conv(a=)", "conv(a=, 3)", "conv(, 3)", "[, 1]"),
    "missing-else": ("a if c", "a if c -> b", "(a if c)", "f(a if c)"),
    "surplus-parenthesis": ("conv(3))", "a)", "a -> b)", "[1]]"),
    "assignment": ("a = 3", "a -> b = c"),
    "nested-call": ("f(3)(4)", "x.c(3)"),
}

REMEDIES = {
    "missing-parenthesis": ("a parenthesis or bracket is never closed", "close it"),
    "missing-operand": ("an operator has nothing on one side", "give both sides, or leave the operator out"),
    "missing-arrow": ("two layers stand side by side", "join them with `->`"),
    "missing-comma": ("two values stand side by side", "separate them with a comma"),
    "missing-value": ("an argument has no value", "give the value, or leave the argument out"),
    "missing-else": ("`if` has no `else`", "say what happens otherwise: `a if condition else b`"),
    "surplus-parenthesis": (
        "a closing parenthesis or bracket has no beginning",
        "remove it, or open it before",
    ),
    "assignment": ("`=` stands outside a call", "compare with `==`; names are given in `params` or `blocks`"),
    "nested-call": ("only a name can be called", "call a block or a layer by its name"),
}


def explain(error: UnexpectedInput, text: str, place: expressions.Place) -> Diagnostic:
    """The diagnostic of a text that did not parse."""
    if isinstance(error, UnexpectedCharacters):
        return _unknown_character(error.pos_in_stream or 0, text, place)  # type: ignore[redundant-expr]
    if not text.strip():
        return Diagnostic(
            code="empty-expression",
            message="an expression is empty",
            span=place(0, len(text)),
            help="write a layer, such as `relu`, or a value",
        )
    start, end, found = _where(error, text)
    code = error.match_examples(expressions.parser().parse, EXAMPLES, use_accepts=True)
    if code is None:
        return Diagnostic(
            code="syntax",
            message=f"{found} was not expected here",
            span=place(start, end),
            label="not expected here",
            help="an expression is layers joined by `->` and by `+ - * |`, or a value as Python writes it",
        )
    message, remedy = REMEDIES[code]
    return Diagnostic(code=code, message=message, span=place(start, end), label=f"{found} here", help=remedy)


def _where(error: UnexpectedInput, text: str) -> tuple[int, int, str]:
    """The characters at fault, and what they are. Lark puts the end of the text on its last token."""
    if isinstance(error, UnexpectedEOF) or (
        isinstance(error, UnexpectedToken) and error.token.type == "$END"
    ):
        end = len(text.rstrip())
        return end, end + 1, "the end"
    assert isinstance(error, UnexpectedToken)
    token = error.token
    return token.start_pos or 0, token.end_pos or 0, f"`{token}`"


def _unknown_character(at: int, text: str, place: expressions.Place) -> Diagnostic:
    character = text[at]
    lookalikes = {
        "→": "->",
        "×": "*",
        "−": "-",
        "–": "-",
        "“": '"',
        "”": '"',
        "（": "(",
        "）": ")",
        "，": ",",
    }
    if character in "'\"":
        return Diagnostic(
            code="unclosed-string",
            message="a string is never closed on its line",
            span=place(at, at + 1),
            help=f"end it with {character}",
        )
    meant = lookalikes.get(character)
    return Diagnostic(
        code="unknown-character",
        message=f"the character `{character}` (U+{ord(character):04X}) has no meaning in an expression",
        span=place(at, at + 1),
        help=f"write `{meant}`" if meant else "remove it",
    )
