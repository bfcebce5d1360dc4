"""The nearest known name to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_OFFER = "did you mean `{}`?"
MOST_COMPARED = 1000
"""Names among which the nearest is looked for; of more only one that differs in capitals and underscores."""


def nearest(name: str, known: Iterable[str], *, most: int = MOST_COMPARED) -> str | None:
    """The known name that a typist most likely meant, or None where none is near.

    A stranger's text may know very many names; who asks once about names of our own allows `most` of them.

    >>> nearest("batchnrom", ["batchnorm", "layernorm"])
    'batchnorm'
    """
    return _nearest(name, tuple(known), most)


@lru_cache(maxsize=256)
def _nearest(name: str, known: tuple[str, ...], most: int) -> str | None:
    """Kept, since a wrong name in a table is met in each of its rows."""
    import difflib  # only a wrong spec pays for it

    folded = {candidate.lower().replace("_", ""): candidate for candidate in known}
    key = name.lower().replace("_", "")
    if key in folded:
        return folded[key]
    if len(folded) > most:
        return None
    close = difflib.get_close_matches(key, folded, n=1, cutoff=0.76 if len(key) < 4 else 0.69)
    swapped = [candidate for candidate in folded if len(key) > 2 and sorted(candidate) == sorted(key)]
    begun = [candidate for candidate in folded if len(key) > 2 and candidate.startswith(key)]
    close = close or swapped[:1] or begun[:1]
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help line that offers the nearest name, or None.

    >>> did_you_mean("cnov", ["conv", "linear"])
    'did you mean `conv`?'
    """
    candidate = nearest(name, known)
    return _OFFER.format(candidate) if candidate else None


def offered(help: str | None) -> str | None:
    """The name that a help of `did_you_mean` offers; None for any other.

    >>> offered("did you mean `conv`?")
    'conv'
    """
    before, _, after = _OFFER.partition("{}")
    if help is None or not help.startswith(before) or not help.endswith(after):
        return None
    return help.removeprefix(before).removesuffix(after)
