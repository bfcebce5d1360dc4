"""A slice of what `make fuzz` tries for long."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzzing.texts import KINDS
from tests.fuzzing.trial import check


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_of_the_long_run(kind: str) -> None:
    """Exit code 0 or 1, no traceback, two seconds and 300 MB at most."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(KINDS[kind])
    def tried(text: str) -> None:
        with TemporaryDirectory() as folder:
            check(text, Path(folder) / "spec.yaml")

    tried()


def test_a_text_that_is_too_slow_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The trial can fail: by time, by memory, and by an exit code that is neither."""
    monkeypatch.setattr("tests.fuzzing.trial.MOST_SECONDS", 0.0)
    with pytest.raises(AssertionError, match=" s"):
        check("name: net", tmp_path / "spec.yaml")
    monkeypatch.setattr("tests.fuzzing.trial.MOST_SECONDS", 2.0)
    monkeypatch.setattr("tests.fuzzing.trial.MOST_MEGABYTES", 0)
    with pytest.raises(AssertionError, match="MB"):
        check("name: net", tmp_path / "spec.yaml")
    monkeypatch.setattr("tests.fuzzing.trial.main", lambda _: 2)
    with pytest.raises(AssertionError):
        check("name: net", tmp_path / "spec.yaml")
