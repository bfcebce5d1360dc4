"""The command line's own language: options whose mistakes are diagnostics like a spec's.

argparse reads the words; what it would say in a form of its own, and exit over, is raised as `Faults` here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from netdsl.diagnostics import Diagnostic, did_you_mean, fault


class Parser(argparse.ArgumentParser):
    """An argument parser that raises diagnostics and accepts no abbreviations."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        raise fault("command-line", _as_fact(message), help=f"see `{self.prog} --help`")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options that words spell; other words may stand before, between and behind them.

        Raises:
            Faults: they spell none; exit code 2.
        """
        options, surplus = self.parse_known_intermixed_args(words)
        for word in surplus:
            if word.startswith("-"):
                raise self._unknown_option(word)
        if surplus:
            raise self._surplus(surplus[0])
        return options

    def _surplus(self, word: str) -> Exception:
        name, equals, value = word.partition("=")
        option, known = f"--{name.replace('_', '-')}", self._option_string_actions
        help = f"see `{self.prog} --help`"
        if equals and option in known:
            help = f"write `{option} {value}`"
        elif equals and "--set" in known:
            help = f"write `--set {word}`"
        return fault("command-line", f"`{word}` is one word too many", help=help)

    def _unknown_option(self, word: str) -> Exception:
        name = word.partition("=")[0]
        known = [option for option in self._option_string_actions if option.startswith("--")]
        return fault(
            "unknown-option",
            f"`{self.prog}` has no option `{name}`",
            help=did_you_mean(name, known)
            or f"its options are {', '.join(f'`{option}`' for option in known)}",
        )


def _as_fact(message: str) -> str:
    """argparse's sentence with its names in backticks: `the following arguments are required: SPEC`."""
    first, excluded, second = message.removeprefix("argument ").partition(": not allowed with argument ")
    if excluded:
        return f"`{first}` and `{second}` exclude each other"
    head, separator, names = message.partition(": ")
    if separator and head.startswith("argument "):
        return f"`{head.removeprefix('argument ').split('/')[-1]}` {names}"
    if separator:
        return f"{head}: {', '.join(f'`{name}`' for name in names.split(', '))}"
    return message


def exit_code(diagnostics: Iterable[Diagnostic], otherwise: int) -> int:
    """What the process ends with: 2 where all that is wrong stands in an option's text, such as `--set`."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity == "error"]
    if errors and all(error.span is not None and error.span.source.name.startswith("--") for error in errors):
        return 2
    return otherwise


def one_of(*options: str) -> Callable[[str], str]:
    """The type of an option that takes one of a few words."""

    def read(word: str) -> str:
        if word not in options:
            listed = ", ".join(f"`{option}`" for option in options)
            help = did_you_mean(word, options) or f"write one of {listed}"
            raise fault("option-value", f"`{word}` is none of {listed}", help=help)
        return word

    return read


def whole_number(minimum: int) -> Callable[[str], int]:
    """The type of an option that takes a whole number from a minimum on."""

    def read(word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise fault(
                "option-value",
                f"`{word}` is no whole number from {minimum}",
                help=f"write a number such as {max(minimum, 1)}",
            )
        return number

    return read


def range_up_to(limit: int) -> Callable[[str], range]:
    """The type of an option that takes a range such as `1..512`, both ends included."""

    def read(word: str) -> range:
        first, dots, last = word.partition("..")
        if not (dots and first.isdecimal() and last.isdecimal()) or not 1 <= int(first) <= int(last):
            raise fault("option-value", f"`{word}` is no range", help="write one such as `1..512`")
        if int(last) > limit:
            message = f"`{word}` goes beyond {limit:,}, and each size is tried"
            raise fault("option-value", message, help=f"write `{first}..{limit}`")
        return range(int(first), int(last) + 1)

    return read


def add_spec_options(parser: Parser) -> None:
    """`--set` and `--plugin`, which every verb that reads a spec has; `settings` and `plugins` read them."""
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value for a parameter of the spec, such as --set classes=10, or another input's shape, "
        "--set input=[3,64,64]; may be repeated",
    )
    add_plugins(parser)


def add_plugins(parser: Parser) -> None:
    """`--plugin`, which every verb has that makes a network; `plugins` reads it."""
    parser.add_argument(
        "--plugin",
        dest="plugins",
        action="append",
        default=[],
        metavar="MODULE",
        help="a Python module with layers of your own; may be repeated",
    )


def plugins(modules: Sequence[str]) -> Sequence[str]:
    """What `--plugin` was given; modules beside the user are found as `python -m` finds them."""
    here = str(Path.cwd())
    if modules and here not in sys.path:
        sys.path.insert(0, here)
    return modules


def settings(words: Iterable[str], option: str = "--set", form: str = "NAME=VALUE") -> Mapping[str, str]:
    """What `--set`, or an option of its kind, was given, by the name in front of the `=`.

    Raises:
        Faults: a word is not `name=value`, or a name stands twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (name and equals and value):
            help = f"write `{option} {form}`" if option != "--set" else "write `--set classes=10`"
            raise fault("set-form", f"`{option} {word}` is not of the form {form}", help=help)
        if name in found:
            raise fault(
                "set-twice",
                f"`{option}` gives `{name}` twice: `{found[name]}` and `{value}`",
                help="leave one out",
            )
        found[name] = value
    return found
