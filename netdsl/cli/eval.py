"""Measure a trained network on test data: that of its own data set, or of another with the same classes."""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser, add_plugins, plugins
from netdsl.cli.train import add_machine_options


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run, as `netdsl train` named it")
    parser.add_argument("--data", metavar="DATA", help="another data set than the run's own")
    add_machine_options(parser)
    add_plugins(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the figures of the run's latest weights."""
    from netdsl.training.session import evaluate_run  # torch is loaded only once the command line is right

    modules = plugins(options.plugins)
    result = evaluate_run(
        options.run, data=options.data, device=options.device, root=options.data_root, plugins=modules
    )
    figures = "  ".join(f"{name} {value:.4f}" for name, value in result.figures.items())
    print(f"{result.data}, {result.images:,} test {result.samples}, weights of {result.position}:  {figures}")
    return 0
