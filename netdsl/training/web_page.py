"""Pages that load nothing: one style, and the few things that reports are made of.

Everything a page shows is in it, and its policy lets a browser fetch nothing.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from netdsl.diagnostics.snippet import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0.4rem; }
h2 { font-size: 1.15rem; margin: 1.8rem 0 0.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
.wide { overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th.word, td.word { text-align: left; }
td.word, td:last-child.word { white-space: normal; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1rem; }
figure { margin: 0.5rem 0; }
figure img, figure svg { max-width: 100%; height: auto; background: white; border-radius: 4px; }
figcaption, .note { opacity: 0.75; font-size: 14px; }
.warning { border-left: 4px solid #e80; padding-left: 0.8rem; }
code, pre { font-size: 13px; overflow-wrap: anywhere; }
pre { background: #8882; padding: 0.7rem; border-radius: 4px; white-space: pre-wrap; }
summary { cursor: pointer; font-weight: 600; margin: 0.6rem 0; }
"""


def document(title: str, body: str, style: str = "") -> str:
    """A whole page.

    Args:
        title: its heading too, as text.
        body: HTML.
        style: rules of its own, behind those of all pages.
    """
    shown = text(title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<title>{shown}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<h1>{shown}</h1>
{body}
</body>
</html>
"""


def text(words: object) -> str:
    """Words as HTML shows them."""
    return escape(harmless(str(words)))


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph; `note` and `warning` are the kinds that the style knows."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def picture(caption: str, png: bytes) -> str:
    """A PNG with its caption."""
    data = base64.b64encode(png).decode()
    image = f'<img alt="{text(caption)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text(caption)}</figcaption></figure>"


def drawing(caption: str, drawn: Figure) -> str:
    """A figure as SVG, whose words stay words, with its caption."""
    import matplotlib as mpl  # a page may have no drawing

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "netdsl"}):
        drawn.savefig(stream, format="svg", metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", stream.getvalue(), flags=re.DOTALL)
    return f"<figure>{svg[svg.index('<svg') :]}<figcaption>{text(caption)}</figcaption></figure>"


def line(tag: str, cells: Sequence[object], words: Sequence[bool], kind: str = "") -> str:
    """A line of a table.

    Args:
        tag: `th` or `td`.
        cells: what stands in it.
        words: of each cell, whether it is a word, which stands to the left, rather than a number.
        kind: a class of the style.
    """
    inner = "".join(
        f"<{tag}{' class=word' * is_word}>{text(cell)}</{tag}>"
        for cell, is_word in zip(cells, words, strict=True)
    )
    return f'<tr class="{kind}">{inner}</tr>' if kind else f"<tr>{inner}</tr>"


def table(lines: Iterable[str]) -> str:
    """Lines as a table, which scrolls where it is too wide."""
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def listing(rows: Iterable[tuple[str, object]]) -> str:
    """Names with what they stand for."""
    return table(
        f"<tr><td class=word>{text(name)}</td><td class=word><code>{text(value)}</code></td></tr>"
        for name, value in rows
    )


def folded(heading: str, body: str) -> str:
    """What opens by a click."""
    return f"<details><summary>{text(heading)}</summary>{body}</details>"
