"""The words of an expression, one after another, with their places; what lies between them is passed over.

A word is what the grammar (`expressions.lark`) calls a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

NAME, NUMBER, STRING, SIGN, UNKNOWN = range(1, 6)
"""The kinds of words. A keyword is a name that the parser knows; the end of the text is an empty sign."""
KEYWORDS = frozenset({"if", "else", "for", "in", "and", "or", "not"})

_WORD = re.compile(
    r"""(?: [ \t\r\n]++ | \#[^\n]*+ )*+          # blanks and comments
    (?: ([A-Za-z_][A-Za-z0-9_]*+)
      | ( (?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?
        | [0-9](?:_?[0-9])*\.?(?:[eE][+-]?[0-9]+)? )
      | ( "[^"\n]*+" | '[^'\n]*+' )
      | ( -> | \*\* | // | [=!<>]= | [-+*/%|()\[\],.=<>] | \Z )
      | ( . ) )""",
    re.VERBOSE | re.DOTALL,
)


def words_of(text: str) -> Iterator[re.Match[str]]:
    """Each word of a text, its end last: a match whose `lastindex` is its kind and its only group."""
    return _WORD.finditer(text)
