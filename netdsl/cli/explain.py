"""Show what a network looks at: class activation maps, gradients, deconvolution, occlusion, filters.

Methods take options in parentheses, such as --method 'gradcam(relu=false), occlusion(size=32)'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from netdsl.cli.arguments import Parser, add_spec_options, plugins, settings
from netdsl.diagnostics import fault
from netdsl.diagnostics.snippet import harmless
from netdsl.insight.catalog import METHODS, read_methods

OUT = "explained.png"
"""Where pictures go unless told otherwise."""
ENDINGS = (".png", ".svg", ".npz")
"""The kinds of files."""


def output(word: str) -> Path:
    """The type of `-o`: a file of one of the kinds, or a folder."""
    path = Path(word)
    if path.suffix and path.suffix not in ENDINGS and not path.is_dir():
        message = f"`{word}` ends in `{path.suffix}`, which is none of {', '.join(ENDINGS)}"
        raise fault("option-value", message, help="name a file of one of these kinds, or a folder")
    return path


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.epilog = "methods:\n" + "".join(f"  {word:<16}{e.about}\n" for word, e in METHODS.items())
    parser.add_argument(
        "network", metavar="RUN|SPEC", help="a run's folder, a spec's file, or a shipped spec"
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file")
    parser.add_argument(
        "--method", default="gradcam", metavar="M,…", help="how to explain; gradcam by default"
    )
    parser.add_argument(
        "--layer", metavar="PATH", help="the layer to look at, such as body.3; the last before the classes"
    )
    parser.add_argument(
        "--class", dest="class_name", metavar="C", help="the class, by name or number; the predicted one"
    )
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="RUN|SPEC",
        help="another network to show beside it; may be repeated",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=output,
        default=OUT,
        metavar="FILE|DIR",
        help=f"FILE.png, .svg or .npz, or a folder; {OUT}",
    )
    parser.add_argument(
        "--box", action="store_true", help="draw and print the box around what each map points at"
    )
    parser.add_argument("--init", metavar="WEIGHTS", help="a spec's weights, as `netdsl train` takes them")
    parser.add_argument(
        "--device", metavar="DEVICE", help="cpu, cuda, cuda:1 or mps; the best there is unless given"
    )
    add_spec_options(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the pictures, and prints a line for each image and network, and for each file."""
    methods, replaced, modules = (
        read_methods(options.method),
        settings(options.settings),
        plugins(options.plugins),
    )

    from netdsl.insight.explain import explain  # torch is loaded only once the command line is right
    from netdsl.insight.loading import subject_of
    from netdsl.insight.localization import box_on_image
    from netdsl.insight.sheet import write_answers

    first = subject_of(
        options.network, settings=replaced, plugins=modules, init=options.init, device=options.device
    )
    others = [subject_of(other, plugins=modules, device=options.device) for other in options.compare]
    images = [Path(image) for image in options.images]
    answers = explain((first, *others), images, methods, layer=options.layer, class_name=options.class_name)
    for answer in answers:
        chosen = "" if answer.chosen == answer.predicted else f", explained: {answer.chosen}"
        places = ", ".join(dict.fromkeys(e.place for e in answer.explanations if e.place))
        looked = f"; {answer.subject.name} at {places}" if places else f"; {answer.subject.name}"
        print(f"{harmless(answer.picture.name)}: {harmless(str(answer.predicted) + chosen)}{looked}")
        for explanation in answer.explanations:
            if options.box and explanation.kind == "heat":
                left, top, right, bottom = map(int, box_on_image(explanation, answer.picture))
                print(f"  {explanation.method:<16}left {left}, top {top}, right {right}, bottom {bottom}")
    for path in write_answers(answers, options.output, options.box):
        print(harmless(str(path)))
    return 0
