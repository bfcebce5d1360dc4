"""Write a network, with its weights, for other programs: as ONNX, or as a program of torch.export."""

from __future__ import annotations

import argparse
from pathlib import Path

from netdsl.cli.arguments import Parser, add_spec_options, one_of, plugins, settings
from netdsl.diagnostics import fault

FORMATS = ("onnx", "pt2")
"""The formats, which are also the endings of their files."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument(
        "network", metavar="RUN|SPEC", help="a run's folder, a spec's file, or a shipped spec"
    )
    parser.add_argument(
        "--format", type=one_of(*FORMATS), metavar="F", help="onnx (the default) or pt2, torch.export's"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the file; its ending says the format as well")
    parser.add_argument("--init", metavar="WEIGHTS", help="a spec's weights, as `netdsl train` takes them")
    add_spec_options(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the file, and prints what it takes and gives."""
    path = _path(options)
    replaced, modules = settings(options.settings), plugins(options.plugins)

    from netdsl.training.exporting import export_network  # torch is loaded once the command line is right

    made = export_network(options.network, path, settings=replaced, plugins=modules, init=options.init)
    takes, gives = ", ".join(made.inputs), ", ".join(made.outputs)
    print(f"{made.path}: takes {takes}, gives {gives}, in batches of any size")
    print(f"read back and run beside the network: {made.difference:.1e} of the largest value apart at most")
    return 0


def _path(options: argparse.Namespace) -> Path:
    """The file to write: as named, or named like the network.

    Raises:
        Faults: its ending is of another format, or of none; exit code 2.
    """
    if options.output is None:
        return Path(f"{Path(options.network).stem}.{options.format or FORMATS[0]}")
    path = Path(options.output)
    ending = path.suffix.removeprefix(".")
    if ending not in FORMATS or (options.format or ending) != ending:
        wanted = [options.format] if options.format else FORMATS
        message = f"`{path}` does not end in {' or '.join(f'`.{format}`' for format in wanted)}"
        raise fault("option-value", message, help=f"name it `{path.stem or 'network'}.{wanted[0]}`")
    return path
