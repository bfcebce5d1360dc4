"""Changes in words: what a line of a difference says.

Layers are spelled as one would write them. Of several equal changes, arguments in which they differ are
left open.

    conv(64, 1) -> relu   and   conv(128, 1) -> relu   →   conv(…, 1) -> relu
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from netdsl.analysis.difference.compare import Change
from netdsl.analysis.difference.terms import BranchesTerm, Chain, Item, LayerTerm, RecallTerm, SharedTerm
from netdsl.analysis.labels import OPERATOR_OF
from netdsl.graph.formula import plain
from netdsl.layers.layer import Layer, spell

LONGEST = 76
"""Characters of a chain that is spelled out; of a longer one the layers are counted."""
MOST_VALUES = 3
"""Different values that are listed; of more, the range."""

AROUND = {"add": "shortcut", "sub": "subtraction", "mul": "gate", "concat": "concatenating shortcut"}
"""What the other branches are to the one that was there."""

VERBS = {"add": "adds", "sub": "subtracts", "mul": "multiplies", "concat": "concatenates"}


def said(changes: Sequence[Change]) -> str:
    """What equal changes at several places are."""
    change = changes[0]
    match change.kind:
        case "input":
            _, old, new = change.values[0]
            return f"{old or 'none'} → {new or 'none'}"
        case "arguments":
            return f"{_word(change.after[0])}: {_values(changes)}"
        case "replaced":
            return f"{_chains([c.before for c in changes])} → {_chains([c.after for c in changes])}"
        case "removed" | "branch removed":
            return f"− {_labelled(changes, [c.before for c in changes])}"
        case "added" | "branch added":
            return f"+ {_labelled(changes, [c.after for c in changes])}"
        case "moved":
            return _moved(changes)
        case "merge":
            _, old, new = change.values[0]
            return f"{VERBS[old]} → {VERBS[new]} ({OPERATOR_OF[old]} → {OPERATOR_OF[new]})"
        case "order":
            return "branches in another order"
        case "wrapped" | "unwrapped":
            return _around(changes)
        case "renamed":
            return "renamed: " + ", ".join(f"{old} → {new}" for _, old, new in change.values)
        case "source" | "head":
            return ", ".join(f"{name} {old} → {new}" for name, old, new in change.values)


def sketch(change: Change) -> tuple[Any, ...]:
    """What is the same for changes that are told together."""
    names = tuple(name for name, _, _ in change.values) if change.kind == "arguments" else ()
    if change.kind in ("moved", "merge", "wrapped", "unwrapped", "source", "head", "renamed", "input"):
        names = (said([change]),)
    label = _block(change)
    return change.kind, names, label, _words(change.before), _words(change.after)


def counted(chain: Chain, *, merges: bool = False) -> Counter[str]:
    """How many layers of each kind, in the order of their first appearance; with `merges`, also how many
    additions and the like."""
    return Counter(_word(item) for item in _all_items(chain) if merges or not _is_merge(item))


def _is_merge(item: Item) -> bool:
    """Whether an item is no layer, but branches that are merged."""
    return isinstance(item.term, BranchesTerm)


def _all_items(chain: Chain) -> Iterator[Item]:
    """The items of a chain, in the order in which they run, those inside of branches included."""
    for item in chain:
        if _is_merge(item):
            for branch in item.branches:
                yield from _all_items(branch)
        yield item


def _word(item: Item) -> str:
    match item.term:
        case LayerTerm(layer=layer):
            return layer.word
        case SharedTerm(name=name):
            return name
        case BranchesTerm(kind=kind):
            return kind
        case RecallTerm(source=source):
            return f"from({source})"


def _moved(changes: Sequence[Change]) -> str:
    (_, is_forward, passed), *arguments = changes[0].values
    what = _word(changes[0].after[0]) if arguments else _chains([change.after for change in changes])
    past = " -> ".join(_words(passed)) or "its neighbours"
    past = past if len(past) <= LONGEST else _listed([passed])
    also = "".join(f", {name} {spell(old)} → {spell(new)}" for name, old, new in arguments)
    return f"{what} moved {'in front of' if is_forward else 'behind'} {past}{also}"


def _values(changes: Sequence[Change]) -> str:
    """The changed arguments: `kernel_size 3 → 5, padding 1 → 2`."""
    parts = []
    for position, (name, _, _) in enumerate(changes[0].values):
        pairs = list(dict.fromkeys(change.values[position][1:] for change in changes))
        parts.append(f"{name} {_pairs(pairs)}")
    return ", ".join(parts)


def _pairs(pairs: Sequence[tuple[Any, Any]]) -> str:
    if len(pairs) <= MOST_VALUES:
        return ", ".join(f"{spell(old)} → {spell(new)}" for old, new in pairs)
    return f"{_range([old for old, _ in pairs])} → {_range([new for _, new in pairs])}"


def _range(values: Sequence[Any]) -> str:
    if all(isinstance(value, int) for value in values) and len(set(values)) > 1:
        return f"{min(values)}…{max(values)}"
    return spell(values[0]) if len(set(values)) == 1 else "…"


def _block(change: Change) -> str:
    """The block that a piece is the whole of: `se(16)`."""
    for item in (*change.before, *change.after):
        for scope in item.scopes:
            if scope.path == change.place and change.kind in ("added", "removed"):
                return scope.text
    return ""


def _labelled(changes: Sequence[Change], chains: Sequence[Chain]) -> str:
    label, text = _block(changes[0]), _chains(chains)
    if changes[0].kind.startswith("branch"):
        return f"branch {text}" if chains[0] else "shortcut"
    return f"{label}: {text}" if label else text


def _around(changes: Sequence[Change]) -> str:
    """A merge with other branches, around what was there."""
    kind, beside, longest = changes[0].values[0]
    sign = "+" if changes[0].kind == "wrapped" else "−"
    around = " -> ".join(_words(longest))
    around = around if len(around) <= LONGEST // 2 else f"{_word(longest[0])} … {_word(longest[-1])}"
    branches = [_chains([branch]) for branch in beside if branch]
    if len(branches) > 1:
        inside = f" {OPERATOR_OF.get(kind, '·')} ".join(branches)
        inside = inside if len(inside) <= LONGEST else _listed(beside)
        return f"{sign} {len(branches)} branches beside {around}: {inside}"
    through = f", through {branches[0]}" if branches else ""
    return f"{sign} {AROUND.get(kind, 'branch')} around {around}{through}"


def _words(chain: Chain) -> tuple[str, ...]:
    """The chain without arguments."""
    return tuple(
        _word(item) if not isinstance(item.term, BranchesTerm) else _spelled([item], True) for item in chain
    )


def _chains(chains: Sequence[Chain]) -> str:
    """Chains of the same layers as one text, as long as it may be."""
    if len(chains[0]) > LONGEST:
        return _listed(chains[:1])
    text = _chain(chains, False)
    text = text if len(text) <= LONGEST else _chain(chains, True)
    if len(text) <= LONGEST:
        return text
    return _listed(chains[:1])


def _listed(chains: Sequence[Chain]) -> str:
    """The layers of chains, counted."""
    counts = sum((counted(chain) for chain in chains), Counter[str]())
    return ", ".join(word if number == 1 else f"{number} {word}" for word, number in counts.items())


def _chain(chains: Sequence[Chain], bare: bool) -> str:
    if not chains[0]:
        return "id"
    if len(chains[0]) == 1:
        text = _spelled([chain[0] for chain in chains], bare)
        return text.removeprefix("(").removesuffix(")") if text.startswith("(") else text
    return " -> ".join(_spelled(items, bare) for items in zip(*chains, strict=True))


def _spelled(items: Sequence[Item], bare: bool) -> str:
    """Items of one kind as one text; `bare` without arguments."""
    terms = [item.term for item in items]
    first = terms[0]
    if isinstance(first, LayerTerm):
        layers = [term.layer for term in terms if isinstance(term, LayerTerm)]
        return first.layer.word if bare else _layer(layers)
    if isinstance(first, BranchesTerm):
        every = [term.branches for term in terms if isinstance(term, BranchesTerm)]
        parts = [_chain(branches, bare) for branches in zip(*every, strict=True)]
        operator = OPERATOR_OF.get(first.kind, "·")
        return "(" + f" {operator} ".join(f"({p})" if " -> " in p else p for p in parts) + ")"
    return _word(items[0])


def _layer(layers: Sequence[Layer]) -> str:
    """Layers of one kind, with `…` for the arguments in which they differ."""
    parts = []
    for name, argument in layers[0].arguments().items():
        values = [plain(dict(layer.values)[name]) for layer in layers]
        if argument.required or any(value != plain(argument.default) for value in values):
            text = spell(values[0]) if len(set(values)) == 1 else "…"
            parts.append(text if argument.required else f"{name}={text}")
    parts += [f"{name}={spell(value)}" for name, value in layers[0].extras]
    return f"{layers[0].word}({', '.join(parts)})" if parts else layers[0].word
