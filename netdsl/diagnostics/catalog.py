"""Every diagnostic, documented: what it says, why it is a fault, an example and what to write instead.

The texts are data in `rules/*.toml`, one file for each part of netdsl, read when somebody asks: checking
never loads them. The tests hold the examples to their word: each gives its diagnostic, each instead none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from netdsl.records import value_record

Form = Literal["spec", "command", "prose"]

PARTS = {
    "yaml": "The document's form",
    "document": "What a spec says",
    "syntax": "The form of expressions",
    "expressions": "The meaning of expressions",
    "arguments": "Arguments of layers and blocks",
    "shapes": "Shapes that do not fit",
    "claims": "Claims",
    "lints": "What is probably not meant",
    "recipe": "Training",
    "command": "The command line",
    "runs": "Data, devices and runs",
    "sweep": "Sweeps",
}
"""Each file of rules, in the order of the reference, with its heading there."""


@value_record()
class Rule:
    """What is known of one diagnostic."""

    code: str
    part: str
    """The key of `PARTS` it belongs to."""
    what: str
    """One sentence: when it is reported."""
    why: str
    """Why netdsl refuses that, or what it would lead to."""
    example: str
    """A whole spec that gives exactly this diagnostic; a command line; or a description."""
    instead: str
    """The same without the fault."""
    form: Form = "spec"
    """What the example is."""


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of the reference."""
    return {rule.code: rule for part in PARTS for rule in _read(part)}


def _read(part: str) -> Iterator[Rule]:
    import tomllib

    text = files("netdsl.diagnostics").joinpath("rules", f"{part}.toml").read_text("utf-8")
    for code, entry in tomllib.loads(text).items():
        yield Rule(code=code, part=part, **entry)


def explain(rule: Rule) -> str:
    """A rule as one reads it in a terminal."""
    return (
        f"{rule.code}: {rule.what}\n\n{rule.why}\n\n"
        f"Example:\n{_indented(rule.example)}\nInstead:\n{_indented(rule.instead)}"
    )


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.strip("\n").splitlines())


def as_markdown(rule: Rule) -> str:
    """A rule as a section of a page."""
    if rule.form == "prose":
        example, instead = f"{rule.example.strip()}.", f"{rule.instead.strip()}."
    else:
        language = "yaml" if rule.form == "spec" else "sh"
        example, instead = (f"```{language}\n{text}```" for text in (rule.example, rule.instead))
    parts = (f"### {rule.code}", rule.what, rule.why, "Example:", example, "Instead:", instead)
    return "\n\n".join(parts) + "\n"
