"""Synthetic pairs of a picture and a text, for trying things out where no real ones are at hand.

Each pair has a meaning, a point near the centre of its class in a space of few dimensions. Picture and text
show it each in its own way: through random weights and a rectifier, with noise, in as many features as the
network of DSCMR takes. So both have something in common, and no feature of the one is like one of the other.
What is measured on them says nothing of real pictures and texts.
"""

from __future__ import annotations

import torch

from netdsl.training.data.pairs import Pairs, PairSplit, made_pairs

CLASSES, MEANING = 10, 24
FEATURES = {"image": 4096, "text": 1024}
TRAIN, TEST = 800, 200
"""Pairs; as many as of Pascal Sentence."""
SPREAD, NOISE = 1.0, 2.0
"""How far meanings lie from the centre of their class, and how strong noise is, in standard deviations."""
SEED = 20
REMARK = (
    "THE PAIRS ARE SYNTHETIC: made by a generator, no pictures and no texts; figures on them say nothing of "
    "real ones"
)


def make_synthetic_pairs() -> Pairs:
    """The pairs, always the same."""
    generator = torch.Generator().manual_seed(SEED)
    labels = torch.arange(TRAIN + TEST) % CLASSES
    centres = torch.randn(CLASSES, MEANING, generator=generator)
    meanings = centres[labels] + SPREAD * torch.randn(len(labels), MEANING, generator=generator)
    features = {name: _shown(meanings, count, generator) for name, count in FEATURES.items()}
    train, test = (
        PairSplit({name: values[part] for name, values in features.items()}, labels[part])
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    names = tuple(f"class {number}" for number in range(CLASSES))
    return made_pairs("synthetic_pairs", names, train, test, REMARK)


def _shown(meanings: torch.Tensor, features: int, generator: torch.Generator) -> torch.Tensor:
    weights = torch.randn(MEANING, features, generator=generator) / MEANING**0.5
    noise = NOISE * torch.randn(len(meanings), features, generator=generator)
    return torch.relu(meanings @ weights + noise)
