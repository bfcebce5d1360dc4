"""Finding data: the first set named that is there, and why not the others."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from netdsl.training.data import find
from netdsl.training.data.find import data_root, find_data
from netdsl.training.data.idx import STEMS
from tests.training.data import test_cifar, test_folder, test_idx
from tests.training.networks import fault_of, faults_of


@pytest.fixture(autouse=True)
def _without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses at which nothing answers: tests fetch nothing, whatever the machine."""
    monkeypatch.setattr(find, "PROBES", dict.fromkeys(find.PROBES, "http://127.0.0.1:9/"))


def nothing(text: str) -> None:
    raise AssertionError(text)


def test_the_first_that_is_there_is_used(tmp_path: Path) -> None:
    test_cifar.published(tmp_path, "cifar10")

    found = find_data(["cifar10", "digits"], tmp_path, nothing)

    assert (found.data.name, found.passed_over) == ("cifar10", ())


def test_a_fallback_comes_with_the_reason(tmp_path: Path) -> None:
    found = find_data(["cifar10", "mnist", "digits"], tmp_path, nothing)

    assert found.data.name == "digits"
    assert len(found.passed_over) == 2
    assert found.passed_over[0].startswith(f"`cifar10` is not in `{tmp_path}`, and cannot be fetched: ")


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion_mnist"])
def test_what_is_asked_for_alone_and_absent_is_an_error_that_says_what_to_do(
    tmp_path: Path, name: str
) -> None:
    found, exit_code = faults_of(lambda: find_data([name], tmp_path, nothing))

    assert ([d.code for d in found], exit_code) == (["missing-data"], 3)
    assert f"`{name}` is not in" in found[0].message
    assert found[0].help is not None
    assert "connect to the network, or put its files into" in found[0].help
    assert "--data digits" in found[0].help


def test_imagenet_is_a_folder_that_nobody_fetches(tmp_path: Path) -> None:
    found, _ = faults_of(lambda: find_data(["imagenet"], tmp_path, nothing))
    assert found[0].help is not None
    assert str(tmp_path / "imagenet") in found[0].help

    test_folder.animals(tmp_path / "imagenet", test="val")

    assert find_data(["imagenet"], tmp_path, nothing).data.classes == ("cat", "dog")


def test_a_damaged_set_is_an_error_and_no_reason_to_fall_back(tmp_path: Path) -> None:
    (test_idx.published(tmp_path) / STEMS[0]).write_bytes(b"")

    assert fault_of(lambda: find_data(["mnist", "digits"], tmp_path, nothing)) == ("damaged-data", 3)


def test_a_folder_that_is_missing_is_an_error_and_no_reason_to_fall_back(tmp_path: Path) -> None:
    names = [f"folder:{tmp_path}/cats", "digits"]

    assert fault_of(lambda: find_data(names, tmp_path, nothing)) == ("missing-data", 3)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(find, "PROBES", {"mnist": address})
        monkeypatch.setattr(find, "REACH_SECONDS", 0.2)

        found = find_data(["mnist", "digits"], tmp_path, nothing)

    assert "timed out" in found.passed_over[0]


def test_a_fetch_that_breaks_off_is_a_reason_to_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers, and what torchvision then fetches is not there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=_answer_once, args=(server,))
        answer.start()
        monkeypatch.setattr(find, "PROBES", {"mnist": f"http://127.0.0.1:{server.getsockname()[1]}/"})
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["http://127.0.0.1:9/"])
        said: list[str] = []

        found = find_data(["mnist", "digits"], tmp_path, said.append)
        answer.join()

    assert said == [f"fetching mnist (12 MB) into {tmp_path}"]
    assert found.data.name == "digits"
    assert found.passed_over[0].startswith(f"`mnist` cannot be fetched into `{tmp_path}`: ")


def _answer_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_the_root_is_given_or_named_by_the_environment_or_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NETDSL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_root(None) == tmp_path / "netdsl" / "data"

    monkeypatch.setenv("NETDSL_DATA", str(tmp_path / "sets"))
    assert data_root(None) == tmp_path / "sets"
    assert data_root("elsewhere") == Path("elsewhere")
