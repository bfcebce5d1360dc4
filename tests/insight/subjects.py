"""Networks to explain, and images to explain them on: small ones written here, and shipped ones."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from netdsl.insight.explanation import Question
from netdsl.insight.landmarks import last_spatial_place
from netdsl.insight.loading import subject_of
from netdsl.insight.subject import Subject

SMALL = """
name: small
input: [3, 24, 24]
net:
  body:
    conv1: conv(8, 3, padding=1) -> relu -> maxpool(3)
    conv2: conv(12, 3, padding=1) -> relu
  head: global_avgpool -> flatten -> linear(5)
"""
"""Its last maps are a third of the image: a map's cell middles lie on middles of pixels."""

DEEP = """
name: deep
input: [3, 24, 24]
net:
  body:
    conv1: conv(8, 3, padding=1) -> relu -> maxpool(2)
    conv2: conv(12, 3, padding=1) -> relu
  head: flatten -> linear(16) -> relu -> linear(5)
"""
"""Between maps and classes lies more than a linear layer."""


def quiet(_: str) -> None:
    """Is told, and tells nobody."""


def shipped(name: str) -> Subject:
    """A shipped spec's network, with random weights that are the same every time."""
    return subject_of(name, device="cpu", say=quiet)


def written(text: str, folder: Path) -> Subject:
    """The network of a text, with random weights that are the same every time."""
    path = folder / "spec.yaml"
    path.write_text(text)
    return subject_of(path, device="cpu", say=quiet)


def noise(subject: Subject, seed: int = 0) -> torch.Tensor:
    """A picture of noise, as bytes, of the size that a network takes."""
    sizes = tuple(int(size) for size in subject.network.graph.inputs[0].sizes)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, sizes, generator=generator, dtype=torch.uint8)


def question(
    subject: Subject, pixels: torch.Tensor | None = None, *, layer: str | None = None, class_number: int = 1
) -> Question:
    """A question about a picture; about one of noise unless given."""
    picture = subject.picture_of(noise(subject) if pixels is None else pixels, "picture.png")
    place = subject.place(layer) if layer else last_spatial_place(subject.network)
    return Question(subject, picture, class_number, place)


def scaled_up(module: nn.Module, factor: float) -> None:
    """Makes the weights of a network larger, so that no small constant in another program shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
