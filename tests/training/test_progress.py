"""What a person sees: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from netdsl.training.progress import Display, duration

ROW = {
    "epoch": 3,
    "train_loss": 0.5,
    "train_accuracy": 0.75,
    "test_loss": 0.625,
    "test_accuracy": 0.7,
    "samples_per_second": 1234.5,
    "seconds": 30.0,
}


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def shown(display: Display) -> None:
    display.say("net [on] digits")
    display.warn("A FALLBACK")
    with display.training(20):
        display.step(7, "3/10", lambda: "loss 0.500  accuracy 0.750  1,234 images/s")
        display.epoch(ROW, 10, "accuracy", "images")


def test_a_file_gets_plain_lines() -> None:
    stream = io.StringIO()

    shown(Display(stream))

    assert stream.getvalue() == (
        "net [on] digits\nA FALLBACK\n"
        "epoch  3/10   train loss 0.5000  accuracy 0.7500   test loss 0.6250  accuracy 0.7000"
        "   1,234 images/s   4 min left\n"
    )


def test_a_terminal_gets_a_live_bar_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()

    shown(Display(stream))

    text = stream.getvalue()
    assert "\x1b[" in text
    assert "epoch 3/10" in text
    assert "loss 0.500  accuracy 0.750  1,234 images/s" in text
    assert "epoch  3/10   train loss 0.5000" in text
    assert "min left" not in text  # the bar has a clock of its own


def test_a_silent_display_shows_nothing() -> None:
    stream = io.StringIO()

    shown(Display(stream, silent=True))

    assert stream.getvalue() == ""


def test_nothing_is_left_behind_the_last_epoch() -> None:
    stream = io.StringIO()

    Display(stream).epoch(ROW, 3, "accuracy", "images")

    assert stream.getvalue().endswith("images/s\n")


def test_a_span_is_told_in_the_largest_unit_that_it_fills() -> None:
    spans = (0, 5, 59, 180, 47 * 3600, 72 * 3600)

    assert [duration(span) for span in spans] == ["0 s", "5 s", "59 s", "3 min", "47 h", "3 d"]
