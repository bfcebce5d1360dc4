"""Train a spec's network by its recipe, and keep the run in a folder.

Every key of the recipe under `train:` can be replaced by an option of its name. A run that was stopped goes
on with --resume, to the same bits as if it had never been stopped.
"""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser, add_spec_options, plugins, settings
from netdsl.training.choices import KEYS

ABOUT = {
    "task": "what is learned: classify",
    "data": "the data set: digits, mnist, fashion_mnist, cifar10, cifar100, or folder:PATH",
    "prepare": "what is done to every image, such as 'resize(32) -> normalize(mean, std)'",
    "augment": "what is done to training images at random, such as 'random_crop(32, padding=4) -> hflip'",
    "batch": "images per step",
    "epochs": "how often every image is seen",
    "optimizer": "such as 'sgd(lr=0.1, momentum=0.9)'",
    "schedule": "of the learning rate, such as 'cosine(warmup=1)'",
    "loss": "such as 'cross_entropy(label_smoothing=0.1)'",
    "init": "how weights begin, such as xavier",
    "seed": "what fixes the first weights, the order of the data and all that is random",
    "precision": "auto, fp32 or bf16",
    "workers": "processes that read images",
}
"""What each key of a recipe is, for the help page."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("spec", metavar="SPEC", help="a file, or the name of a shipped spec")
    add_spec_options(parser)
    add_machine_options(parser)
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--out", metavar="DIR", help="the run's folder; a new one below runs/ unless given")
    folder.add_argument("--resume", metavar="DIR", help="the folder of a run to go on with")
    recipe = parser.add_argument_group("the recipe's keys, each in the place of the spec's")
    for key in KEYS:
        recipe.add_argument(f"--{key}", metavar="VALUE", help=ABOUT[key])


def add_machine_options(parser: Parser) -> None:
    """Where a network runs and where its data are, which no spec says."""
    parser.add_argument(
        "--device", metavar="DEVICE", help="cpu, cuda, cuda:1 or mps; the best there is unless given"
    )
    parser.add_argument("--data-root", metavar="DIR", help="the folder that data sets are kept in")


def run(options: argparse.Namespace) -> int:
    """Trains from beginning to end; what happens is said as it happens."""
    replaced, modules = settings(options.settings), plugins(options.plugins)
    overrides = {key: text for key in KEYS if (text := getattr(options, key)) is not None}

    from netdsl.training.session import train_spec  # torch is loaded only once the command line is right

    train_spec(
        options.spec,
        settings=replaced,
        plugins=modules,
        overrides=overrides,
        out=options.out,
        resume=options.resume,
        device=options.device,
        root=options.data_root,
    )
    return 0
