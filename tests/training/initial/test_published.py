"""Weights that torchvision and timm publish: found by their names, in their places, in their forms.

Nothing is fetched here: the files lie in the libraries' caches, written by the tests in exactly their form.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import GoogLeNet_Weights, ResNet18_Weights

from netdsl.compiler import compile_spec
from netdsl.training.initial.beginning import Beginning, Wanted
from netdsl.training.initial.timm_weights import timm_weights
from netdsl.training.initial.torchvision_weights import torchvision_weights
from netdsl.training.network import TrainableNetwork
from netdsl.training.session import trainable
from tests.training.networks import fault_of, faults_of, rebuild

NOWHERE = "http://127.0.0.1:9"
"""A server that nobody runs."""


def quiet(_: str) -> None:
    """Says nothing."""


def spec(name: str, **settings: str) -> TrainableNetwork:
    return trainable(compile_spec(name, settings), settings)


def begin(network: TrainableNetwork, init: str, *excluding: str, fresh_head: bool = False) -> Beginning:
    return Wanted(init, fresh_head, excluding, rebuild(network)).read(network, quiet)


def drawn(module: nn.Module) -> nn.Module:
    """A module with random weights and statistics, so that a tensor in the wrong place shows."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.01, 0.1, generator=generator)
    return module.eval()


def same(ours: nn.Module, theirs: nn.Module, size: int = 64) -> bool:
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected: Tensor = theirs(images)
        return torch.allclose(ours.eval()(images), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that torch's hub keeps files in, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def publish(weights: Any, state: Mapping[str, Tensor], folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Lets weights be those of a state dict: in a file of the name that their address ends with."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = Path(weights.url).name.rpartition("-")[0]
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    path = (folder / "new.pth").rename(folder / f"{stem}-{digest[:8]}.pth")
    patch.setattr(weights.value, "url", f"{NOWHERE}/{path.name}")
    return path


@pytest.mark.parametrize(
    "name", ["torchvision:IMAGENET1K_V1", "torchvision:DEFAULT", "torchvision:ResNet18_Weights.IMAGENET1K_V1"]
)
def test_torchvisions_weights_are_those_of_its_file(
    name: str, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the short name where the spec has that of torchvision's network, by the full name always."""
    theirs = drawn(torchvision.models.resnet18())
    path = publish(ResNet18_Weights.IMAGENET1K_V1, theirs.state_dict(), checkpoints, monkeypatch)
    network = spec("resnet18")

    beginning = begin(network, name)
    module = network.build()
    beginning.give(module)

    assert same(module, theirs)
    assert (beginning.given.path, len(beginning.report.pairs)) == (path, 41)
    assert f"41 of 41 layers, mapped by structure, from {path}" in str(beginning)


def test_a_counter_that_old_files_lack_is_not_missed(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = drawn(torchvision.models.resnet18())
    old = {name: t for name, t in theirs.state_dict().items() if "num_batches" not in name}
    publish(ResNet18_Weights.IMAGENET1K_V1, old, checkpoints, monkeypatch)
    network = spec("resnet18")
    module = network.build()

    begin(network, "torchvision:IMAGENET1K_V1").give(module)

    assert same(module, theirs)


def test_names_of_another_time_are_mapped_in_the_files_order(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision's DenseNet files have names that its module no longer has."""
    theirs = drawn(torchvision.models.resnet18())
    renamed = {name.replace("bn1", "norm.1"): t for name, t in theirs.state_dict().items()}
    publish(ResNet18_Weights.IMAGENET1K_V1, renamed, checkpoints, monkeypatch)
    network = spec("resnet18")
    module = network.build()

    begin(network, "torchvision:IMAGENET1K_V1").give(module)

    assert same(module, theirs)


def test_another_number_of_classes_is_refused_unless_the_head_is_fresh(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = drawn(torchvision.models.resnet18())
    publish(ResNet18_Weights.IMAGENET1K_V1, theirs.state_dict(), checkpoints, monkeypatch)
    network = spec("resnet18", classes="5")

    (found, *_), exit_code = faults_of(lambda: begin(network, "torchvision:IMAGENET1K_V1"))
    fresh = begin(network, "torchvision:IMAGENET1K_V1", fresh_head=True)

    assert (found.code, exit_code) == ("weights-mismatch", 5)
    assert "another number of classes (1000 there, 5 here)" in found.notes[0]
    assert found.help is not None
    assert "--fresh-head" in found.help
    assert (len(fresh.report.pairs), fresh.report.new, fresh.report.left) == (40, ("head.linear1",), ("fc",))


def test_the_weights_of_another_network_are_refused(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(
        ResNet18_Weights.IMAGENET1K_V1, torchvision.models.resnet18().state_dict(), checkpoints, monkeypatch
    )

    (found, *_), exit_code = faults_of(
        lambda: begin(spec("resnet34"), "torchvision:ResNet18_Weights.IMAGENET1K_V1")
    )

    assert (found.code, exit_code) == ("weights-mismatch", 5)
    assert "do not fit `resnet34`: layer 11: " in found.message


def test_googlenets_auxiliary_classifiers_find_their_places(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision's stand before the last layer, netdsl's heads behind the net; both are trained on."""
    theirs = drawn(torchvision.models.googlenet(init_weights=False, aux_logits=True))
    publish(GoogLeNet_Weights.IMAGENET1K_V1, theirs.state_dict(), checkpoints, monkeypatch)
    network = spec("googlenet")
    module = network.build()

    beginning = begin(network, "torchvision:IMAGENET1K_V1")
    beginning.give(module)

    assert len(beginning.report.pairs) == 123
    assert torch.equal(module.get_parameter("aux1.linear2.weight"), theirs.get_parameter("aux1.fc2.weight"))
    assert torch.equal(module.get_parameter("head.linear1.weight"), theirs.get_parameter("fc.weight"))
    assert "normalize(0.5, 0.5)" in str(beginning)


def test_a_file_that_is_not_the_published_one_is_damaged(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies under the name that torchvision gives it, whose digest it does not have."""
    checkpoints.mkdir(parents=True)
    torch.save(torchvision.models.resnet18().state_dict(), checkpoints / "resnet18-f37072fd.pth")

    (found, *_), exit_code = faults_of(lambda: torchvision_weights("IMAGENET1K_V1", "resnet18", quiet))

    assert (found.code, exit_code) == ("damaged-weights", 5)
    assert "with f37072fd" in found.message


def test_without_a_network_the_place_of_the_file_is_told(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ResNet18_Weights.IMAGENET1K_V1.value, "url", f"{NOWHERE}/resnet18-f37072fd.pth")

    (found, *_), exit_code = faults_of(lambda: torchvision_weights("IMAGENET1K_V1", "resnet18", quiet))

    assert (found.code, exit_code) == ("missing-weights", 3)
    assert f"`resnet18-f37072fd.pth` is not in `{checkpoints}`" in found.message
    assert not list(checkpoints.iterdir())


def test_what_a_server_gives_is_kept_where_torchvision_keeps_it(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(
        ResNet18_Weights.IMAGENET1K_V1,
        torchvision.models.resnet18().state_dict(),
        tmp_path / "server",
        monkeypatch,
    )
    monkeypatch.setattr(ResNet18_Weights.IMAGENET1K_V1.value, "url", published.as_uri())
    said: list[str] = []

    given = torchvision_weights("IMAGENET1K_V1", "resnet18", said.append)

    assert given.path == checkpoints / published.name
    assert given.path.read_bytes() == published.read_bytes()
    assert said == [f"fetching {published.as_uri()} into {checkpoints}"]


@pytest.mark.parametrize(
    ("name", "network", "help"),
    [
        ("IMAGENET1K_V3", "resnet18", "did you mean `torchvision:ResNet18_Weights.IMAGENET1K_V1`?"),
        ("ResNet18_Weights.V1", "net", "did you mean `torchvision:ResNet18_Weights.IMAGENET1K_V1`?"),
        ("ResNet_18.IMAGENET1K_V1", "net", "did you mean `torchvision:ResNet18_Weights.IMAGENET1K_V1`?"),
        ("IMAGENET1K_V1", "mobilenetv2", "did you mean `torchvision:MobileNet_V2_Weights.IMAGENET1K_V1`?"),
    ],
)
def test_weights_that_torchvision_has_not_are_answered_with_near_ones(
    name: str, network: str, help: str
) -> None:
    (found, *_), exit_code = faults_of(lambda: torchvision_weights(name, network, quiet))

    assert (found.code, exit_code, found.help) == ("unknown-weights", 2, help)


# timm

MOBILENET = "mobilenetv1_100.ra4_e3600_r224_in1k"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hugging Face hub's cache, empty, and no way to the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def keep(hub: Path, repository: str, name: str) -> Path:
    """The path of a repository's file in the hub's cache, laid out as the hub's own client does it."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    revision = "0" * 40
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(revision)
    (folder / "snapshots" / revision).mkdir(parents=True)
    return folder / "snapshots" / revision / name


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_timms_weights_are_those_of_the_hubs_file(name: str, hub: Path) -> None:
    import timm

    theirs = drawn(timm.create_model("mobilenetv1_100", act_layer="relu"))
    path = keep(hub, f"timm/{MOBILENET}", name)
    (save_file if name.endswith("safetensors") else torch.save)(theirs.state_dict(), path)
    network = spec("mobilenetv1_224")
    module = network.build()

    beginning = begin(network, f"timm:{MOBILENET}")
    beginning.give(module)

    assert same(module, theirs)
    assert beginning.given.path == path
    assert beginning.given.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_another_model_is_damaged(hub: Path) -> None:
    save_file(torchvision.models.resnet18().state_dict(), keep(hub, f"timm/{MOBILENET}", "model.safetensors"))

    assert fault_of(lambda: timm_weights(MOBILENET, quiet)) == ("damaged-weights", 5)


def test_without_the_hub_the_place_of_the_file_is_told(hub: Path) -> None:
    (found, *_), exit_code = faults_of(lambda: timm_weights(MOBILENET, quiet))

    assert (found.code, exit_code) == ("missing-weights", 3)
    assert f"is not in `{hub}/models--timm--{MOBILENET}`" in found.message


@pytest.mark.parametrize(
    ("name", "help"),
    [
        (
            "mobilenetv1_100.ra4",
            "it has `timm:mobilenetv1_100.ra4_e3600_r224_in1k`",
        ),
        ("resnt50", "did you mean `timm:resnet50`?"),
        ("resnt50.a1_in1k", "did you mean `timm:resnet50`?"),
        ("zzz", "`timm.list_pretrained()` lists them"),
    ],
)
def test_weights_that_timm_has_not_are_answered_with_near_ones(name: str, help: str) -> None:
    (found, *_), exit_code = faults_of(lambda: timm_weights(name, quiet))

    assert (found.code, exit_code) == ("unknown-weights", 2)
    assert found.help is not None
    assert found.help.startswith(help)


def test_without_timm_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)

    (found, *_), exit_code = faults_of(lambda: timm_weights(MOBILENET, quiet))

    assert (found.code, exit_code, found.help) == ("missing-library", 3, "install it: `pip install timm`")
