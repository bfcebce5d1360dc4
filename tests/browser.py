"""A page in headless Chromium: what a person would see and click, and what the page asks of the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """The program: the one that `NETDSL_CHROMIUM` names, or the first on the path."""
    return os.environ.get("NETDSL_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


needs_browser = pytest.mark.skipif(
    chromium() is None,
    reason="no Chromium here: install Debian's package `chromium`, or name a program in NETDSL_CHROMIUM",
)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, gone afterwards."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


class Seen(NamedTuple):
    """What a page did besides being a page."""

    requests: list[str]
    """Addresses that were asked for, the page's own left out."""
    said: list[str]
    """Errors, warnings and dialogs."""


@contextmanager
def visit(browser: Browser, file: Path) -> Iterator[tuple[Page, Seen]]:
    """A file opened in a window of 1400 × 900."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    seen = Seen([], [])
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))

    def close(dialog: Dialog) -> None:
        seen.said.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", close)
    page.goto(file.as_uri())
    seen.requests.remove(file.as_uri())
    yield page, seen
    page.close()
