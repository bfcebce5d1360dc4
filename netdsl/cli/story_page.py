"""The page `docs/story.md`: its prose is written by hand, what its commands print is put in here.

Only the text between a console block's command and its end is replaced, so that no figure on the page can be
one that netdsl does not print.
"""

from __future__ import annotations

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from netdsl.cli.main import main

STORY = Path(__file__).parents[2] / "docs" / "story.md"

_BLOCK = re.compile(r"^```console\n\$ netdsl (?P<words>.*)\n(?:.*\n)*?```$", re.MULTILINE)


def story_page() -> str:
    """The page with every command's output as it is now."""
    return _BLOCK.sub(_printed, STORY.read_text("utf-8"))


def _printed(block: re.Match[str]) -> str:
    words = block["words"]
    output = StringIO()
    with redirect_stdout(output):
        code = main(shlex.split(words))
    assert code == 0, f"`netdsl {words}` on the page fails"
    return f"```console\n$ netdsl {words}\n{output.getvalue()}```"
