"""A drawing as a page of its own: boxes that open and close, and the spec's text beside them.

Boxes are nested elements that a browser lays out anew when one is opened. The script and the style sheet are
files beside this one and are put into the page, which loads nothing. Whatever comes from a spec is escaped:
text by `html.escape`, the nodes' facts as JSON in which nothing can end the element around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from netdsl.backends.diagram.layout import MOST_IN_A_ROW, pill_text
from netdsl.backends.diagram.pieces import Box, Chain, Drawing, Parallel, Piece, Port, boxes
from netdsl.backends.diagram.svg import FAMILIES
from netdsl.backends.diagram.texts import costs_text, header, percent, share
from netdsl.diagnostics import Source, Span
from netdsl.diagnostics.snippet import harmless
from netdsl.graph.graph import Costs

HERE = Path(__file__).parent


def page(drawing: Drawing, sources: Sequence[Source], levels: int) -> str:
    """The drawing as an HTML document.

    Args:
        sources: the spec's text and those that it extends.
        levels: how deep boxes are open in the beginning.
    """
    every = list(boxes(drawing.tracks))
    shown = list(dict.fromkeys([*sources, *(box.span.source for box in every)]))
    writer = _Writer({box.key: number for number, box in enumerate(every)}, drawing.costs, levels)
    nodes = [_node(number, box, shown, drawing.costs) for number, box in enumerate(every)]
    about = f"<p>{escape(harmless(drawing.about))}</p>" if drawing.about else ""
    costs = escape(costs_text(drawing.costs, drawing.costs).removesuffix(" · 100 %"))
    name = escape(harmless(drawing.name))
    style, script = ((HERE / file).read_text(encoding="utf-8") for file in ("page.css", "page.js"))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<title>{name}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><h1>{name}</h1>{about}<p>{costs}</p></header>
<div class="tools"><button type="button" id="open">open all</button>\
<button type="button" id="close">close all</button></div>
<div id="drawing">
{"".join(writer.tracks(drawing.tracks, 1, is_net=True))}
<svg id="far" aria-hidden="true"></svg>
</div>
</main>
<aside aria-label="spec">
<div id="facts" aria-live="polite"><p class="note">point at a box, or at a line of the spec</p></div>
<div id="spec">{"".join(_source(number, source, nodes) for number, source in enumerate(shown))}</div>
</aside>
<script type="application/json" id="nodes">{_as_json(nodes)}</script>
<script>
{script}</script>
</body>
</html>
"""


def _as_json(nodes: Sequence[dict[str, Any]]) -> str:
    """JSON in which no `</script>` or `<!--` can stand."""
    text = json.dumps(nodes, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _node(number: int, box: Box, sources: Sequence[Source], total: Costs) -> dict[str, Any]:
    """What the script knows of a box; lines are counted from 1, columns from 0."""
    first, start = _place(box.span, box.span.start)
    last, end = _place(box.span, box.span.end)
    part = share(box.costs, total)
    return {
        "number": number,
        "path": box.path,
        "last_path": box.last_path,
        "text": harmless(box.text),
        "count": box.count,
        "input": str(box.input),
        "output": str(box.output),
        "params": box.costs.params,
        "macs": box.costs.macs,
        "share": percent(part) if part else "",
        "source": sources.index(box.span.source),
        "first": first,
        "start": start,
        "last": last,
        "end": end,
    }


def _place(span: Span, offset: int) -> tuple[int, int]:
    """The line of a character, and its column in the text that the page shows, as JavaScript counts."""
    line, column = span.source.position(offset)
    before = harmless(span.source.line(line)[: column - 1])
    return line, len(before.encode("utf-16-le", "surrogatepass")) // 2


def _source(number: int, source: Source, nodes: Sequence[dict[str, Any]]) -> str:
    """A text, line by line; lines that made something can be pointed at by the keyboard as well."""
    made = {
        line for node in nodes if node["source"] == number for line in range(node["first"], node["last"] + 1)
    }
    lines = [
        f"<li{' tabindex=0' if line in made else ''}>{escape(harmless(source.line(line)))}</li>"
        for line in range(1, source.line_count + 1)
    ]
    name = escape(harmless(source.name))
    return f'<h2>{name}</h2><ol data-source="{number}" data-name="{name}">{"".join(lines)}</ol>'


class _Writer:
    """Pieces → nested elements."""

    def __init__(self, numbers: dict[int, int], total: Costs, levels: int) -> None:
        self.numbers = numbers
        """Of each box by its key, its place among the nodes."""
        self.total = total
        self.levels = levels

    def tracks(self, tracks: Sequence[Chain], level: int, *, is_net: bool = False) -> Iterator[str]:
        if len(tracks) == 1:
            yield from self.chain(tracks[0], level, is_inside=not is_net)
            return
        yield '<div class="tracks">'
        for chain in tracks:
            if not chain.is_recalled:
                yield from self.chain(chain, level, is_inside=not is_net)
        if any(chain.is_recalled for chain in tracks):
            yield '<div class="aside">'
            for chain in tracks:
                if chain.is_recalled:
                    yield from self.chain(chain, level, is_inside=False)
            yield "</div>"
        yield "</div>"

    def chain(self, chain: Chain, level: int, *, is_inside: bool) -> Iterator[str]:
        """Pieces below each other, with lines between them and, inside of a box, around them."""
        first = chain.pieces[0] if chain.is_recalled else None
        since = f' data-from="{first.source}"' if isinstance(first, Port) else ""
        yield f'<div class="chain"{since}>'
        yield from self._pieces(chain, level, is_inside=is_inside)
        if is_inside:
            yield '<div class="edge"></div>'
        yield "</div>\n"

    def _pieces(self, chain: Chain, level: int, *, is_inside: bool) -> Iterator[str]:
        before: Piece | None = None
        shape = None
        for piece in chain.pieces:
            if before is None:
                yield '<div class="edge"></div>' if is_inside and not chain.is_recalled else ""
            elif before.output != shape:
                yield f'<div class="edge shaped"><span>{before.output}</span></div>'
            else:
                yield '<div class="edge"></div>'
            if before is not None:
                shape = before.output
            elif isinstance(piece, Box):
                shape = piece.input
            before = piece
            yield from self.piece(piece, level)

    def piece(self, piece: Piece, level: int) -> Iterator[str]:
        match piece:
            case Box():
                yield from self._box(piece, level)
            case Parallel():
                yield from self._parallel(piece, level)
            case Port(source=None):
                yield f'<div class="port" data-key="{piece.key}">{escape(harmless(pill_text(piece)))}</div>'
            case Port():
                text = escape(harmless(pill_text(piece)))
                yield f'<div class="port" data-key="{piece.key}" data-from="{piece.source}">{text}</div>'

    def _box(self, box: Box, level: int) -> Iterator[str]:
        number, head = self.numbers[box.key], header(box, self.total)
        kinds = ["box"]
        if not box.has_inside:
            kinds += ["leaf", box.family] if box.family in FAMILIES else ["leaf"]
        if box.is_training_only:
            kinds.append("training")
        far = "" if box.tracks else " ".join(str(source.key) for source in box.captures)
        since = f' data-from="{far}"' if far else ""
        keys = f'data-node="{number}" data-key="{box.key}" data-entry="{box.entry}"'
        yield f'<div class="{" ".join(kinds)}" {keys} data-path="{escape(box.path)}"{since}>'
        is_open = level < self.levels
        opens = f' aria-expanded="{str(is_open).lower()}" aria-controls="in{number}"' if box.tracks else ""
        times = f' data-times="{head.badge}"' if head.badge else ""
        yield f'<button type="button" class="head"{opens}><b{times}>{escape(head.name)}</b>'
        if head.text:
            yield f"<span>{escape(head.text)}</span>"
        if head.costs:
            yield f'<span class="costs">{escape(head.costs)}</span>'
            yield f'<span class="bar"><i style="width:{100 * head.share:.2f}%"></i></span>'
        yield "</button>"
        if box.tracks:
            yield f'<div class="inside" id="in{number}"{"" if is_open else " hidden"}>'
            yield from self.tracks(box.tracks, level + 1)
            yield "</div>"
        yield "</div>"

    def _parallel(self, merge: Parallel, level: int) -> Iterator[str]:
        yield '<div class="parallel">'
        if len(merge.branches) > MOST_IN_A_ROW:
            yield '<div class="edge"></div><div class="many">'
            for branch in merge.branches:
                yield from self.chain(branch, level, is_inside=False)
            yield '</div><div class="edge"></div>'
        else:
            yield '<div class="edge"></div>'
            yield from self._branches(merge.branches, level)
        yield (
            f'<div class="merge" data-key="{merge.key}" data-path="{escape(merge.path)}" '
            f'title="{escape(merge.path)} {merge.output}">{merge.symbol}</div></div>'
        )

    def _branches(self, branches: Sequence[Chain], level: int) -> Iterator[str]:
        """Side by side. Where only one does something it keeps the middle, so that the line through all stays
        straight."""
        flowing = [number for number, branch in enumerate(branches) if not branch.is_recalled]
        full = [number for number in flowing if branches[number].pieces] or flowing
        if len(full) != 1:
            yield '<div class="branches">'
            for number in range(len(branches)):
                yield from self._branch(branches, number, level)
            yield "</div>"
            return
        (middle,) = full
        before = [n for n in range(len(branches)) if n != middle and branches[n].is_recalled]
        behind = [n for n in range(len(branches)) if n != middle and n not in before]
        ordered = [branches[n] for n in (*before, middle, *behind)]
        yield '<div class="branches centred"><div class="side left">'
        for number in range(len(before)):
            yield from self._branch(ordered, number, level)
        yield "</div>"
        yield from self._branch(ordered, len(before), level)
        yield '<div class="side">'
        for number in range(len(before) + 1, len(ordered)):
            yield from self._branch(ordered, number, level)
        yield "</div></div>"

    def _branch(self, branches: Sequence[Chain], number: int, level: int) -> Iterator[str]:
        """A branch with its part of the lines that lead to all."""
        branch = branches[number]
        flowing = [n for n, one in enumerate(branches) if not one.is_recalled]
        sides = {
            "tl": flowing and flowing[0] < number <= flowing[-1],
            "tr": flowing and flowing[0] <= number < flowing[-1],
            "bl": number > 0,
            "br": number < len(branches) - 1,
        }
        kinds = " ".join(["branch", *(name for name, is_so in sides.items() if is_so)])
        yield f'<div class="{kinds}">'
        yield from self._pieces(branch, level, is_inside=True)
        last = branch.pieces[-1] if branch.pieces else None
        before = branch.pieces[-2].output if len(branch.pieces) > 1 else None
        is_shaped = last is not None and last.output != before
        label = f"<span>{last.output}</span>" if last is not None and is_shaped else ""
        yield f'<div class="edge rest{" shaped" if label else ""}">{label}</div></div>'
