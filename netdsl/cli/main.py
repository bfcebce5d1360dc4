"""The command `netdsl`: finds the verb, runs it, and turns what goes wrong into words and an exit code.

A verb is one module with `configure(parser)` and `run(options) -> exit code`, imported only when it is used,
so that `netdsl check` stays as quick as the checking itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from netdsl.cli.arguments import Parser, exit_code
from netdsl.diagnostics import Faults, did_you_mean, fault
from netdsl.version import VERSION

VERBS = {
    "check": "check specs: shapes, parameters, multiply-adds, claims",
    "show": "draw a network: a tree, an SVG, or a page whose blocks open and close",
    "diff": "tell how two specs differ, and what each change costs",
    "fmt": "write specs as they are usually written",
    "new": "begin a spec: a small network that works, or a variant of a shipped one",
    "emit": "print a spec as a standalone PyTorch file",
    "export": "write a network for other programs: ONNX, or a program of torch.export",
    "train": "train a spec's network",
    "sweep": "train it many times with other settings, and compare",
    "eval": "measure a trained network on test data",
    "runs": "list runs, or compare them",
    "predict": "name what images show, by a trained network",
    "port": "carry trained weights over to an edited spec",
    "explain": "show what a network looks at: Grad-CAM, saliency, occlusion, filters and more",
    "specs": "list the specs that come with netdsl",
    "layers": "list the layers of the language, or document one",
    "schema": "print the JSON schema by which editors complete and check specs",
    "lsp": "serve editors: faults as one types, shapes, definitions, renaming, fixes",
    "rule": "explain a diagnostic, or list all",
}
"""Each verb with what it does; each is a module of its name beside this one."""

BUG = 70
"""The exit code of netdsl's own faults: EX_SOFTWARE of BSD's sysexits."""
INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""
NOBODY_READS = 141
"""128 + SIGPIPE, as shells report it."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit code; the process' own words unless others are passed."""
    make_printable()
    try:
        code = run(sys.argv[1:] if words is None else words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`): say nothing more, also not when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - whatever netdsl did not foresee is its own fault, and says so
        confess()
        return BUG
    return code


def run(words: Sequence[str]) -> int:
    """Runs a verb; a user's mistake is printed as diagnostics."""
    try:
        verb, rest = find_verb(words)
        if verb is None:
            print(overview(), end="")
            return 0 if words else 2
        module = load(verb)
        parser = Parser(prog=f"netdsl {verb}", description=module.__doc__)
        module.configure(parser)
        code: int = module.run(parser.read(rest))
        return code
    except Faults as faults:
        from netdsl.diagnostics.render import render_all, style_for  # only mistakes pay for drawing them

        print(render_all(faults.diagnostics, style_for(sys.stderr)), end="", file=sys.stderr)
        return exit_code(faults.diagnostics, faults.exit_code)
    except SystemExit as done:  # argparse printed a help page
        return done.code if isinstance(done.code, int) else 0


def find_verb(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The verb and its words; None where a page about netdsl itself is asked for.

    Raises:
        Faults: there is no such verb.
    """
    if not words or words[0] in ("-h", "--help", "help"):
        return None, ()
    if words[0] == "--version":
        print(f"netdsl {VERSION}")
        raise SystemExit(0)
    if words[0] in VERBS:
        return words[0], words[1:]
    if words[0].startswith("-"):
        raise fault(
            "unknown-option",
            f"`netdsl` has no option `{words[0]}`",
            help="a verb comes first: see `netdsl --help`",
        )
    raise fault(
        "unknown-verb",
        f"`netdsl` has no verb `{words[0]}`",
        help=did_you_mean(words[0], VERBS) or f"the verbs are {', '.join(f'`{verb}`' for verb in VERBS)}",
    )


def load(verb: str) -> ModuleType:
    return import_module(f"netdsl.cli.{verb}")


def overview() -> str:
    """The page that `netdsl` alone prints."""
    verbs = "".join(f"  {verb:<9}{about}\n" for verb, about in VERBS.items())
    return (
        "netdsl: write a neural network as a short text, check it in milliseconds, train it with PyTorch\n\n"
        f"usage: netdsl VERB …    (netdsl VERB --help tells more)\n\n{verbs}\n"
        "exit codes: 0 fine, 1 the spec is wrong, 2 the command line, 3 the data, 4 device or memory, "
        "5 a checkpoint\n"
    )


def make_printable() -> None:
    """Lets a terminal or file that cannot show `×` get an escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def confess() -> None:
    """Says that netdsl itself failed, with what its authors need to know."""
    import traceback

    traceback.print_exc()
    print(
        f"\nthis is a bug in netdsl {VERSION}, not in your spec: please report it with the lines above",
        file=sys.stderr,
    )
