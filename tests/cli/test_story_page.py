"""The story of the networks: no figure on it but what its commands print."""

import re
from pathlib import Path

import pytest

from netdsl.cli import story_page as page


def test_what_a_command_prints_replaces_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prose around it stays."""
    story = tmp_path / "story.md"
    story.write_text("Prose.\n\n```console\n$ netdsl diff vgg11 vgg11\nwrong: 2\n```\n\nMore.\n")
    monkeypatch.setattr(page, "STORY", story)

    assert page.story_page() == (
        "Prose.\n\n```console\n$ netdsl diff vgg11 vgg11\nvgg11 → vgg11: the same network\n```\n\nMore.\n"
    )


def test_a_command_that_fails_is_no_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed spec does not leave its old output behind."""
    story = tmp_path / "story.md"
    story.write_text("```console\n$ netdsl diff vgg11 nowhere\nold\n```\n")
    monkeypatch.setattr(page, "STORY", story)

    with pytest.raises(AssertionError, match="nowhere"):
        page.story_page()


def test_every_block_of_the_story_is_a_command() -> None:
    """None escapes the replacement."""
    text = page.STORY.read_text("utf-8")

    assert len(re.findall("^```console$", text, re.MULTILINE)) == len(page._BLOCK.findall(text)) > 10
