"""How fast training is, against what one would write instead. Prints ratios; both sides take turns.

    lenet       LeNet-5 on images of MNIST's shape, against the recipe of the tutorials: torchvision's
                MNIST, its transforms on Pillow's images, a DataLoader in the same process
    crop        the same with random crops and flips on both sides
    resnet18    ResNet-18 at CIFAR's shape, against torchvision's in the best loop one writes by hand: images
                in memory, channels last, fused SGD
    mobilenetv2 the same of MobileNetV2
    bf16        both networks in bf16 against fp32, by the runner: what `precision` gains here
    overhead    the runner against a bare loop of steps over the same batches of the same network
    gpu         the runner, compiled and in bf16, against torchvision's networks in a compiled bf16 loop with
                channels last: ResNet-50 at ImageNet's shape, ResNet-18 and MobileNetV2 at CIFAR's

    python benchmarks/train.py [--rounds N] [PART…]

Each side is a process of its own, since the runner sets how its process keeps memory. The images are noise in
files of the published formats. Without a GPU, `gpu` says so and measures nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROUNDS = 3
MNIST_IMAGES, MNIST_BATCH = 7_680, 128
CIFAR_IMAGES, CIFAR_BATCH = 1280, 128
LENET_RATE = 3e-3
GPU_EPOCHS = 3
MEAN, STD = 0.1307, 0.3081
"""MNIST's own, as every tutorial has them."""

Pair = tuple[torch.Tensor, torch.Tensor]
Side = Callable[[Path], float]
"""Images a second over an epoch of the data below a folder."""


def write_mnist(root: Path) -> None:
    """Noise in the four idx files of MNIST, at the place that torchvision puts them."""
    random = np.random.default_rng(0)
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for stem, count in (("train", MNIST_IMAGES), ("t10k", 256)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        for name, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + b"".join(s.to_bytes(4, "big") for s in values.shape)
            (folder / f"{stem}-{name}-ubyte").write_bytes(head + values.tobytes())


def write_cifar(root: Path) -> None:
    """Noise in CIFAR-10's pickles."""
    random = np.random.default_rng(0)
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    files = {f"data_batch_{number}": CIFAR_IMAGES // 5 for number in range(1, 6)} | {"test_batch": 64}
    for name, count in files.items():
        data = random.integers(0, 256, (count, 3072), dtype=np.uint8)
        content = {"data": data, "labels": random.integers(0, 10, count).tolist()}
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(n) for n in range(10)]}))


# The sides


def by_runner(spec: str, settings: Mapping[str, str], epochs: int = 1, **recipe: str) -> Side:
    """netdsl's own training; the last of its epochs, before which compiling is over."""

    def epoch(root: Path) -> float:
        from netdsl.compiler import compile_spec
        from netdsl.training.progress import Display
        from netdsl.training.runner import train
        from netdsl.training.session import trainable

        network = trainable(compile_spec(spec, settings), settings)
        with tempfile.TemporaryDirectory() as out:
            display = Display(silent=True)
            run = train(
                network, overrides=recipe | {"epochs": str(epochs)}, out=out, root=root, display=display
            )
            return float(run.rows[-1]["samples_per_second"])

    return epoch


def by_tutorial(crop: bool) -> Side:
    """LeNet-5 as tutorials train it: one image at a time through Pillow and torchvision."""

    def epoch(root: Path) -> float:
        from torchvision import datasets, transforms

        import netdsl

        chances = [transforms.RandomCrop(28, padding=4), transforms.RandomHorizontalFlip()] if crop else []
        steps = [*chances, transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        data = datasets.MNIST(root, train=True, transform=transforms.Compose(steps))
        loader = torch.utils.data.DataLoader(data, batch_size=MNIST_BATCH, shuffle=True)
        module = netdsl.build("lenet5").train()
        optimizer = torch.optim.AdamW(module.parameters(), lr=LENET_RATE)
        return timed(len(data), loader, module, optimizer)

    return epoch


def by_hand(name: str) -> Side:
    """torchvision's network in a loop as quick as one writes it: bytes in memory, scaled in batches."""

    def epoch(root: Path) -> float:
        images, labels = cifar(root)
        module, optimizer = torchvisions(name, torch.device("cpu"))
        return timed(len(images), scaled_batches(images, labels), module, optimizer)

    return epoch


def by_hand_compiled(name: str, side: int) -> Side:
    """The same on a GPU, with images of a size: compiled, in bf16, images on the device; its last epoch."""

    def epoch(root: Path) -> float:
        device = torch.device("cuda")
        images, labels = (part.to(device) for part in cifar(root))
        images = nn.functional.interpolate(images.float(), size=(side, side)).byte()
        module, optimizer = torchvisions(name, device)
        compiled = torch.compile(module)

        def run() -> float:
            with torch.autocast("cuda", torch.bfloat16):
                return timed(len(images), scaled_batches(images, labels), compiled, optimizer)

        return [run() for _ in range(GPU_EPOCHS)][-1]

    return epoch


def cifar(root: Path) -> Pair:
    from netdsl.training.data.cifar import read_cifar

    split = read_cifar("cifar10", root).train
    return torch.stack([split.images[number] for number in range(len(split))]), split.labels


def scaled_batches(images: torch.Tensor, labels: torch.Tensor) -> Iterator[Pair]:
    mean, std = torch.tensor([0.5], device=images.device), torch.tensor([0.25], device=images.device)
    for chosen in torch.randperm(len(images), device=images.device).split(CIFAR_BATCH):
        scaled = images[chosen].float().div_(255).sub_(mean).div_(std)
        yield scaled.contiguous(memory_format=torch.channels_last), labels[chosen]


def torchvisions(name: str, device: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    """torchvision's network of a name, with the optimizer of the recipe."""
    import torchvision

    module = getattr(torchvision.models, name)(num_classes=10).train()
    module = module.to(device, memory_format=torch.channels_last)
    return module, torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, fused=True)


def timed(count: int, batches: Iterable[Pair], module: nn.Module, optimizer: torch.optim.Optimizer) -> float:
    """Images a second of a plain loop over batches."""
    loss_of = nn.CrossEntropyLoss()
    total = 0.0
    started = time.perf_counter()
    for images, labels in batches:
        optimizer.zero_grad()
        loss = loss_of(module(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return count / (time.perf_counter() - started)


def bare(spec: str, settings: Mapping[str, str], **recipe: str) -> Side:
    """The steps of the runner's network over the runner's batches, and nothing else."""

    def epoch(root: Path) -> float:
        from netdsl.compiler import compile_spec
        from netdsl.training.data.find import find_data
        from netdsl.training.device import keep_freed_memory, place
        from netdsl.training.optimization import make_optimizer
        from netdsl.training.recipe import resolve_recipe
        from netdsl.training.session import trainable
        from netdsl.training.tasks import make_task

        keep_freed_memory()
        network = trainable(compile_spec(spec, settings), settings)
        choices = resolve_recipe(network.train, network.parameters, recipe)
        data = find_data(choices.data, root, print).data
        material = make_task(choices).material(network, choices, data, lambda _: None)
        placement = place("cpu", "fp32")
        module = placement.module(network.build()).train()
        made = material.train.epoch(1)
        batches = ((material.scaling(placement.images(images)), labels) for images, labels in made)
        return timed(len(material.train), batches, module, make_optimizer(choices.optimizer, module))

    return epoch


# Taking turns


class Process:
    """A side in a process of its own, which waits until it is asked for an epoch."""

    def __init__(self, side: str, root: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(side, root, there), daemon=True)
        self._process.start()

    def epoch(self) -> float:
        """Images a second over an epoch."""
        self._here.send(True)
        speed: float = self._here.recv()
        return speed

    def end(self) -> None:
        """Ends the process."""
        self._here.send(False)
        self._process.join()


def _serve(side: str, root: Path, there: Connection) -> None:
    while there.recv():
        there.send(SIDES[side](root))


CIFAR_SETTINGS = {"classes": "10", "input": "[3, 32, 32]"}
CIFAR_RECIPE = {
    "data": "cifar10",
    "batch": str(CIFAR_BATCH),
    "prepare": "normalize(0.5, 0.25)",
    "augment": "none",
    "optimizer": "sgd(lr=0.01, momentum=0.9)",
    "schedule": "constant",
    "loss": "cross_entropy",
}
GPU_RECIPE = CIFAR_RECIPE | {"precision": "bf16", "compile": "true"}
LENET_RECIPE = {
    "data": "mnist",
    "batch": str(MNIST_BATCH),
    "prepare": f"normalize({MEAN}, {STD})",
    "optimizer": f"adamw(lr={LENET_RATE})",
}
CROP = "random_crop(28, padding=4) -> hflip"
SIDES: Mapping[str, Side] = {
    "lenet": by_runner("lenet5", {}, **LENET_RECIPE),
    "lenet by tutorial": by_tutorial(crop=False),
    "lenet bare": bare("lenet5", {}, **LENET_RECIPE),
    "lenet crop": by_runner("lenet5", {}, **LENET_RECIPE, augment=CROP),
    "lenet crop by tutorial": by_tutorial(crop=True),
    "resnet18": by_runner("resnet18", CIFAR_SETTINGS, **CIFAR_RECIPE),
    "resnet18 by hand": by_hand("resnet18"),
    "resnet18 bare": bare("resnet18", CIFAR_SETTINGS, **CIFAR_RECIPE),
    "resnet18 bf16": by_runner("resnet18", CIFAR_SETTINGS, **CIFAR_RECIPE, precision="bf16"),
    "mobilenetv2": by_runner("mobilenetv2_224", CIFAR_SETTINGS, **CIFAR_RECIPE),
    "mobilenetv2 by hand": by_hand("mobilenet_v2"),
    "mobilenetv2 bf16": by_runner("mobilenetv2_224", CIFAR_SETTINGS, **CIFAR_RECIPE, precision="bf16"),
    "gpu resnet50": by_runner("resnet50", {"classes": "10"}, GPU_EPOCHS, **GPU_RECIPE),
    "gpu resnet50 by hand": by_hand_compiled("resnet50", 224),
    "gpu resnet18": by_runner("resnet18", CIFAR_SETTINGS, GPU_EPOCHS, **GPU_RECIPE),
    "gpu resnet18 by hand": by_hand_compiled("resnet18", 32),
    "gpu mobilenetv2": by_runner("mobilenetv2_224", CIFAR_SETTINGS, GPU_EPOCHS, **GPU_RECIPE),
    "gpu mobilenetv2 by hand": by_hand_compiled("mobilenet_v2", 32),
}
"""What a process may be asked to do, by name: a process that is spawned finds it again."""


@dataclass(frozen=True)
class Comparison:
    """Two sides, and how many times as fast the first is to be."""

    ours: str
    theirs: str
    at_least: float | None


PARTS: Mapping[str, Sequence[Comparison]] = {
    "lenet": [Comparison("lenet", "lenet by tutorial", 2)],
    "crop": [Comparison("lenet crop", "lenet crop by tutorial", 3)],
    "resnet18": [Comparison("resnet18", "resnet18 by hand", 1)],
    "mobilenetv2": [Comparison("mobilenetv2", "mobilenetv2 by hand", 1)],
    "bf16": [
        Comparison("resnet18 bf16", "resnet18", None),
        Comparison("mobilenetv2 bf16", "mobilenetv2", None),
    ],
    "gpu": [
        Comparison(f"gpu {name}", f"gpu {name} by hand", 1)
        for name in ("resnet50", "resnet18", "mobilenetv2")
    ],
    "overhead": [Comparison("lenet", "lenet bare", 0.97), Comparison("resnet18", "resnet18 bare", 0.97)],
}


def compare(comparison: Comparison, root: Path, rounds: int) -> None:
    """Both sides in turn, after an epoch of each to warm up; medians, and the median of the ratios."""
    ours, theirs = Process(comparison.ours, root), Process(comparison.theirs, root)
    ours.epoch(), theirs.epoch()
    pairs = [(ours.epoch(), theirs.epoch()) for _ in range(rounds)]
    ours.end(), theirs.end()
    ratio = statistics.median(our / their for our, their in pairs)
    verdict = ""
    if comparison.at_least is not None:
        verdict = f" (at least {comparison.at_least}: {'met' if ratio >= comparison.at_least else 'MISSED'})"
    speeds = [statistics.median(side) for side in zip(*pairs, strict=True)]
    print(
        f"{comparison.ours}: {speeds[0]:,.0f} images/s   {comparison.theirs}: {speeds[1]:,.0f} images/s   "
        f"ratio {ratio:.2f}{verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast training is; see the top of this file.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all, unless named")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="epochs of each side")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        sys.exit(f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    rounds = options.rounds
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {rounds} rounds in turn", flush=True
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_mnist(root)
        write_cifar(root)
        for part in options.parts or PARTS:
            if part == "gpu" and not torch.cuda.is_available():
                print("gpu: there is none here, and nothing was measured")
                continue
            for comparison in PARTS[part]:
                compare(comparison, root, rounds)


if __name__ == "__main__":
    main()
