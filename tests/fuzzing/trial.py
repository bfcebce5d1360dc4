"""One text through the command line, as a person would check it."""

from __future__ import annotations

import contextlib
import io
import resource
import time
from pathlib import Path

from netdsl.cli.main import main

MOST_SECONDS = 2.0
"""Of the processor, for one text."""
MOST_MEGABYTES = 300
"""Of the whole process, whatever was checked in it before."""


def check(text: str, path: Path) -> None:
    """Checks a text as a file: right or wrong, soon, in little memory, and never with a traceback."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    said, errors = io.StringIO(), io.StringIO()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        code = main(["check", str(path)])
    seconds = time.process_time() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert code in (0, 1), (code, errors.getvalue())
    assert (code == 1) is ("error[" in said.getvalue())
    assert "Traceback" not in said.getvalue() + errors.getvalue()
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s"
    assert grown / 1024 < MOST_MEGABYTES, f"{grown / 1024:.0f} MB"
