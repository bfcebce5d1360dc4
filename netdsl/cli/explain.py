"""Show what a network looks at: class activation maps, gradients, deconvolution, occlusion, filters.

Methods take options in parentheses, such as --method 'gradcam(relu=false), occlusion(size=32)'.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.cli.arguments import Parser, add_spec_options, plugins, settings
from netdsl.diagnostics import fault
from netdsl.diagnostics.snippet import harmless
from netdsl.insight.catalog import METHODS, Asked, read_methods

if TYPE_CHECKING:  # torch is loaded only once the command line is right
    from netdsl.insight.explain import Answer
    from netdsl.insight.given_boxes import Boxes
    from netdsl.insight.subject import Subject

OUT = "explained.png"
"""Where pictures go unless told otherwise."""
ENDINGS = (".png", ".svg", ".npz")
"""The kinds of files."""
SIDES = ("left", "top", "right", "bottom")
"""Of a box."""


def output(word: str) -> Path:
    """The type of `-o`: a file of one of the kinds, or a folder."""
    path = Path(word)
    if path.suffix and path.suffix not in ENDINGS and not path.is_dir():
        message = f"`{word}` ends in `{path.suffix}`, which is none of {', '.join(ENDINGS)}"
        raise fault("option-value", message, help="name a file of one of these kinds, or a folder")
    return path


def share(word: str) -> float:
    """The type of `--threshold`: a number from 0 to 1."""
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise fault("option-value", f"`{word}` is no share from 0 to 1", help="write one such as `0.2`")
    return number


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.epilog = "methods:\n" + "".join(f"  {word:<16}{e.about}\n" for word, e in METHODS.items())
    parser.add_argument(
        "network", metavar="RUN|SPEC", help="a run's folder, a spec's file, or a shipped spec"
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="an image file; data for --erase and --crop"
    )
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
        metavar="FILE|DIR",
        help=f"FILE.png, .svg or .npz, or a folder; {OUT}",
    )
    _add_uses(parser)
    parser.add_argument("--init", metavar="WEIGHTS", help="a spec's weights, as `netdsl train` takes them")
    parser.add_argument(
        "--device", metavar="DEVICE", help="cpu, cuda, cuda:1 or mps; the best there is unless given"
    )
    add_spec_options(parser)


def _add_uses(parser: Parser) -> None:
    """What maps are used for: boxes, and data to train on."""
    parser.add_argument(
        "--box", action="store_true", help="draw and print the box around what each map points at"
    )
    parser.add_argument(
        "--boxes",
        metavar="FILE.csv",
        help="measure such boxes by their overlap with those in a file; a sheet is drawn with `-o` alone",
    )
    changes = parser.add_mutually_exclusive_group()
    for how, does in (("erase", "erased"), ("crop", "cut out and enlarged")):
        changes.add_argument(
            f"--{how}",
            metavar="OUT",
            help=f"write data to train on, with what a map points at {does} in a copy of each image; in the "
            "place of IMAGE stands a folder of data, or a data set such as digits",
        )
    parser.add_argument(
        "--threshold",
        type=share,
        metavar="T",
        help="the share of a map's maximum above which it counts; 0.2 for boxes, 0.5 for --erase and --crop",
    )
    parser.add_argument(
        "--data-root", metavar="DIR", help="the folder that data sets are kept in, for --erase and --crop"
    )


def run(options: argparse.Namespace) -> int:
    """Writes the pictures, and prints a line for each image and network, and for each file."""
    methods = read_methods(options.method)
    changes = options.erase or options.crop
    if changes:
        _check_change(options, methods)
    elif options.threshold is not None and not (options.box or options.boxes):
        raise fault("command-line", "`--threshold` is for boxes", help="add `--box`, `--boxes` or `--erase`")

    from netdsl.insight.loading import distinct, subject_of

    modules = plugins(options.plugins)
    first = subject_of(
        options.network,
        settings=settings(options.settings),
        plugins=modules,
        init=options.init,
        device=options.device,
    )
    if changes:
        return _change(options, first, methods[0])
    others = [subject_of(other, plugins=modules, device=options.device) for other in options.compare]
    subjects = distinct((first, *others), (options.network, *options.compare))
    return _explain(options, subjects, methods)


def _explain(options: argparse.Namespace, subjects: Sequence[Subject], methods: Sequence[Asked]) -> int:
    from netdsl.insight.explain import explain
    from netdsl.insight.given_boxes import read_boxes
    from netdsl.insight.localization import SHARE
    from netdsl.insight.sheet import Drawn, check_size, write_answers

    given = read_boxes(Path(options.boxes)) if options.boxes else None
    threshold = options.threshold if options.threshold is not None else SHARE
    out = options.output or (None if given is not None else Path(OUT))
    images = [Path(image) for image in options.images]
    if out is not None:
        check_size(len(images) * len(subjects), out)
    answers = explain(subjects, images, methods, layer=options.layer, class_name=options.class_name)
    for answer in answers:
        _print_answer(answer, threshold if options.box else None)
    if given is not None:
        _print_boxes(answers, given, threshold)
    drawn = Drawn(threshold, given or {}) if options.box or given is not None else None
    for path in write_answers(answers, out, drawn) if out is not None else ():
        print(harmless(str(path)))
    return 0


def _print_answer(answer: Answer, threshold: float | None) -> None:
    """What is seen in an image; with a threshold, the box of each map."""
    from netdsl.insight.localization import box_on_image

    chosen = "" if answer.chosen == answer.predicted else f", explained: {answer.chosen}"
    places = ", ".join(dict.fromkeys(e.place for e in answer.explanations if e.place))
    looked = f"; {answer.subject.name} at {places}" if places else f"; {answer.subject.name}"
    print(f"{harmless(answer.picture.name)}: {harmless(str(answer.predicted) + chosen)}{looked}")
    for explanation in answer.explanations:
        if threshold is not None and explanation.kind == "heat":
            sides = map(int, box_on_image(explanation, answer.picture, threshold))
            print(f"  {explanation.method:<16}{_spelled(sides)}")


def _spelled(sides: Iterable[int]) -> str:
    return ", ".join(f"{name} {side}" for name, side in zip(SIDES, sides, strict=True))


def _print_boxes(answers: Sequence[Answer], given: Boxes, threshold: float) -> None:
    """How well boxes lie: for each image, and on average."""
    from netdsl.insight.given_boxes import ENOUGH, located, scores

    found = located(answers, given, threshold)
    several = len({one.network for one in found}) > 1
    for one in found:
        network = f"{harmless(one.network)}  " * several
        print(f"overlap {one.overlap:.3f}  {one.method:<16}{network}{harmless(one.image)}")
    for score in scores(found):
        network = f"{harmless(score.network)}  " * several
        found_in = f"at least {ENOUGH} in {score.found:.0%} of {score.images} images"
        print(f"mean overlap {score.mean:.3f}, {found_in}  {score.method}  {network}".rstrip())


def _check_change(options: argparse.Namespace, methods: Sequence[Asked]) -> None:
    """Whether `--erase` or `--crop` is asked for as it can be done.

    Raises:
        Faults: it is not; exit code 2.
    """
    option = "--erase" if options.erase else "--crop"
    others = {"--class": options.class_name, "--compare": options.compare, "--box": options.box}
    others |= {"--boxes": options.boxes, "-o": options.output}
    for name, value in others.items():
        if value:
            help = f"leave `{name}` out: each image's own class is explained, and data are written"
            raise fault("command-line", f"`{option}` and `{name}` exclude each other", help=help)
    if len(options.images) != 1 or len(methods) != 1:
        message = f"`{option}` takes one folder of data, or one data set, and one method"
        raise fault("command-line", message, help=f"write `netdsl explain RUN DATA {option} OUT`")


def _change(options: argparse.Namespace, subject: Subject, method: Asked) -> int:
    """Writes training data with what the network looks at erased, or cut out and enlarged."""
    from netdsl.insight.augment import SHARE, augment, data_to_augment

    root = Path(options.data_root) if options.data_root else None
    made = augment(
        subject,
        data_to_augment(options.images[0], print, root),
        method,
        "erased" if options.erase else "cropped",
        Path(options.erase or options.crop),
        layer=options.layer,
        threshold=options.threshold if options.threshold is not None else SHARE,
    )
    silent = made.images - made.added
    print(f"{made.added:,} images to train on added to {made.images:,}, by `{method}`")
    if silent:
        print(f"{silent:,} have none: the map says nothing for their class")
    print(f"train on them with `--data folder:{harmless(str(made.folder))}`")
    return 0
