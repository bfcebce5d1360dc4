"""Train a spec's network by its recipe, and keep the run in a folder.

Every key of the recipe under `train:` can be replaced by an option of its name. A run that was stopped goes
on with --resume, to the same bits as if it had never been stopped.
"""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser, add_spec_options, one_of, plugins, settings, whole_number
from netdsl.training.choices import KEYS, option_of
from netdsl.training.parallel.launch import ENGINES

ABOUT = {
    "task": "what is learned, such as binary(threshold=0.5); what the data are for unless given",
    "data": "the data set, such as digits, cifar10 or folder:PATH",
    "prepare": "what is done to every image, such as 'resize(32) -> normalize(mean, std)'",
    "augment": "what is done to training images at random, such as 'random_crop(32, padding=4) -> hflip'",
    "validate": "share of the training data that is not learned from but measured, such as 0.1",
    "batch": "images per step",
    "accumulate": "pieces that a batch is computed in, to save memory",
    "epochs": "how often every image is seen",
    "stop_early": "epochs without a better validation figure, after which training stops",
    "optimizer": "such as 'sgd(lr=0.1, momentum=0.9)'",
    "clip": "norm to which a longer gradient is shortened, such as 1.0",
    "schedule": "of the learning rate, such as 'cosine(warmup=1)'",
    "ema": "decay of the weights' moving average, which is what is measured, such as 0.999",
    "loss": "such as 'cross_entropy(label_smoothing=0.1)'",
    "init": "how weights begin: drawn, such as xavier; or a run's folder, a .safetensors or .pth file, "
    "torchvision:WEIGHTS such as torchvision:IMAGENET1K_V1, timm:MODEL such as timm:resnet50.a1_in1k",
    "freeze": "stages or parts that keep their weights, such as stem,body",
    "rates": "what the learning rate of parts is multiplied by, such as body=0.1,head=2",
    "decay": "what weight decay acts on: all, or weights, which leaves out biases and normalisations",
    "seed": "what fixes the first weights, the order of the data and all that is random",
    "precision": "auto, fp32 or bf16",
    "compile": "auto, true or false: whether torch.compile is used",
    "workers": "processes that read images",
    "damaged": "what is done about images that cannot be read: refuse or skip",
}
"""What each key of a recipe is, for the help page."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("spec", metavar="SPEC", help="a file, or the name of a shipped spec")
    add_spec_options(parser)
    add_machine_options(parser)
    parser.add_argument(
        "--parallel",
        type=one_of(*ENGINES),
        metavar="|".join(ENGINES),
        help="how several processes, started by torchrun or srun, share the work; ddp unless given",
    )
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--out", metavar="DIR", help="the run's folder; a new one below runs/ unless given")
    folder.add_argument("--resume", metavar="DIR", help="the folder of a run to go on with")
    checkpoints = parser.add_argument_group("checkpoints")
    checkpoints.add_argument(
        "--checkpoint-every",
        type=whole_number(0),
        metavar="SECONDS",
        help="how often within an epoch; 300. At its end there is always one",
    )
    checkpoints.add_argument(
        "--keep", type=whole_number(1), metavar="N", help="the latest that stay, besides the best; 2"
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="write files for TensorBoard into the run's folder as well"
    )
    weights = parser.add_argument_group("weights that --init names")
    weights.add_argument(
        "--fresh-head", action="store_true", help="classifiers of another number of classes begin anew"
    )
    weights.add_argument(
        "--init-except",
        action="append",
        default=[],
        metavar="NAME",
        help="a layer or part, of theirs or of the network, that takes no part; may be repeated",
    )
    recipe = parser.add_argument_group("the recipe's keys, each in the place of the spec's")
    for key in KEYS:
        recipe.add_argument(option_of(key), metavar="VALUE", help=ABOUT[key])


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
    names = ("checkpoint_every", "keep", "tensorboard")
    keeping = {name: value for name in names if (value := getattr(options, name)) is not None}

    from netdsl.training.session import train_spec  # torch is loaded only once the command line is right

    train_spec(
        options.spec,
        settings=replaced,
        plugins=modules,
        overrides=overrides,
        fresh_head=options.fresh_head,
        init_except=options.init_except,
        out=options.out,
        resume=options.resume,
        device=options.device,
        root=options.data_root,
        parallel=options.parallel,
        **keeping,
    )
    return 0
