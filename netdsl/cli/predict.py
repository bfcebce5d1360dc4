"""Name what images show, by a trained network: the likeliest classes of each with their probabilities."""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser, add_plugins, plugins, whole_number
from netdsl.diagnostics.snippet import harmless


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run, as `netdsl train` named it")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file")
    parser.add_argument(
        "--top", type=whole_number(1), default=3, metavar="N", help="how many classes to name; 3 by default"
    )
    parser.add_argument(
        "--device", metavar="DEVICE", help="cpu, cuda, cuda:1 or mps; the best there is unless given"
    )
    add_plugins(parser)


def run(options: argparse.Namespace) -> int:
    """Prints a line for each image."""
    from netdsl.training.session import predict_images  # torch is loaded only once the command line is right

    for prediction in predict_images(
        options.run, options.images, top=options.top, device=options.device, plugins=plugins(options.plugins)
    ):
        classes = ", ".join(f"{harmless(name)} {share:.1%}" for name, share in prediction.classes)
        print(f"{harmless(str(prediction.image))}: {classes}")
    return 0
