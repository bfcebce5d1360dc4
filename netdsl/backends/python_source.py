"""A network → standalone PyTorch source, as a person would have written it.

One class for each block, with the block's parameters as arguments of its constructor, what is called before
what calls it, and the network's own class last. The source imports torch and nothing of netdsl; names and
literals in it come from a checked alphabet, never from raw text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from netdsl.backends.classes import ClassPrinter
from netdsl.backends.layout import Expression, statement
from netdsl.backends.members import MemberClasses
from netdsl.backends.modules import Definition
from netdsl.backends.naming import class_name, unused, variable
from netdsl.backends.network_class import NetworkPrinter
from netdsl.backends.prose import docstring
from netdsl.backends.scopes import is_same, nodes_of, torch_call
from netdsl.backends.variants import Variant, Variants
from netdsl.graph.formula import FUNCTIONS
from netdsl.graph.graph import Fan, Leaf, Network, Node, Series, Signature
from netdsl.layers.catalog import LAYERS_BY_WORD

_STANDARD = (
    ("math", "import math"),
    ("OrderedDict", "from collections import OrderedDict"),
    ("Callable", "from collections.abc import Callable"),
    ("partial", "from functools import partial"),
)
_TORCH = (("torch", "import torch"), ("F", "import torch.nn.functional as F"))

_WORDS = (
    *("true", "false", "none", "True", "False", "None", "if", "else", "and", "or", "not", "in", "id"),
    *("add", "sub", "mul", "concat", *FUNCTIONS),
)
"""What means the same in the expressions of every spec."""

MAKE_DIVISIBLE = '''\
def make_divisible(value: float, divisor: int = 8, floor: float = 0.9) -> int:
    """The multiple of `divisor` nearest to `value`, not below `floor` of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * value else rounded
'''


def print_source(network: Network) -> str:
    """The source of a network; the same network gives the same text.

    It is printed again with a constant in the place of every argument that turns out to be carried by some of
    the numbers that rest on it, and not by all.
    """
    fixed: dict[str, frozenset[str]] = {}
    while True:
        file = SourceFile(network, fixed)
        text = file.text()
        found = file.half_carried()
        if not found:
            return text
        fixed = {
            place: fixed.get(place, frozenset()) | found.get(place, frozenset()) for place in fixed | found
        }


class SourceFile:
    """A source being printed: what it defines so far, and under which names."""

    def __init__(self, network: Network, fixed: Mapping[str, frozenset[str]]) -> None:
        """
        Args:
            fixed: for each block, and for the network as "", the names that are constants in its classes.
        """
        self.network = network
        self.variants = Variants(network, fixed)
        self.blocks = {block.name: block for block in network.blocks}
        shared = (name for name, _ in network.shared)
        self.words = frozenset({*_WORDS, *LAYERS_BY_WORD, *self.blocks, *shared})
        self.definitions: dict[Variant, Definition] = {}
        self.pieces: list[str] = []
        self.helpers: dict[str, None] = {}
        self.constants: dict[str, tuple[str, Expression]] = {}
        """The names and the values of constants, by the values' text."""
        self.name = class_name(network.name)
        self.taken = {self.name, *self._argument_names(), *self._helper_names()}
        self.members = MemberClasses(self)

    def _argument_names(self) -> set[str]:
        """What arguments and variables are called: a function of that name would be hidden by them."""
        every = (variant for variants in self.variants.siblings.values() for variant in variants)
        return {variable(name) for variant in every for name in variant.scopes[0].values}

    def _helper_names(self) -> set[str]:
        found: set[str] = set()
        for variants in self.variants.siblings.values():
            for graph in (graph for variant in variants for graph in variant.graphs):
                for inside, node in nodes_of(graph):
                    if isinstance(node.operation, Leaf):
                        helper = torch_call(inside, node).helper or ""
                        found |= set(re.findall(r"^(?:class|def) (\w+)", helper, re.MULTILINE))
        return found

    def text(self) -> str:
        """The whole source."""
        network = NetworkPrinter(self, self.name)
        printed, self.definitions[network.variant] = network.printed()
        helpers = (helper.replace("torch.Tensor", "Tensor") for helper in self.helpers)
        lines = [
            line for name, value in self.constants.values() for line in statement(f"{name} = ", value, 0)
        ]
        constants = ["\n".join([*lines, ""])] if lines else []
        body = "\n\n".join([*helpers, *constants, *self.pieces, printed])
        if re.search(r"\bmake_divisible\(", body):
            body = f"{MAKE_DIVISIBLE}\n\n{body}"
        gap = "\n\n" if body.startswith("DEFAULT_") else "\n\n\n"
        return "\n".join([*docstring(self._about(), 0), "", *_imports(body)]) + gap + body

    def _about(self) -> list[str]:
        network, costs = self.network, self.network.costs
        title = f"{network.name}: {network.about}" if network.about else network.name
        figures = f"{costs.params:,} parameters, {costs.macs:,} multiply-adds for one sample."
        return [title, "", f"Printed by `netdsl emit {network.name}`. {figures}"]

    # What classes need of the file they are printed into

    def block(self, name: str) -> Signature | None:
        """The signature of a block; None for what is none."""
        return self.blocks.get(name)

    def define(self, variant: Variant) -> Definition:
        """The class of a variant, printed before if it was not."""
        if variant not in self.definitions:
            printer = ClassPrinter(self, variant, self._name(variant))
            text, definition = printer.printed()
            self.pieces.append(text)
            self.definitions[variant] = definition
        return self.definitions[variant]

    def add_helper(self, source: str) -> None:
        """A small module that torch lacks, printed once."""
        self.helpers[source] = None

    def add_constant(self, name: str, value: Expression) -> str:
        """A constant of the file, printed once; gives what it is called."""
        if value.flat not in self.constants:
            self.constants[value.flat] = (unused(name, self.taken), value)
            self.taken.add(self.constants[value.flat][0])
        return self.constants[value.flat][0]

    def half_carried(self) -> dict[str, frozenset[str]]:
        """The names that classes of a block take though constants rest on them, for each block of which all
        uses give them one value."""
        found: dict[str, set[str]] = {}
        for variant, definition in self.definitions.items():
            found.setdefault(variant.place[0], set()).update(definition.fixed)
        taken: dict[str, set[str]] = {}
        for variant, definition in self.definitions.items():
            names = {parameter.name for parameter in definition.parameters}
            taken.setdefault(variant.place[0], set()).update(names)
        return {
            place: frozenset(steady)
            for place, names in found.items()
            if (steady := {name for name in names & taken[place] if self._is_steady(place, name)})
        }

    def _is_steady(self, place: str, name: str) -> bool:
        """Whether a name stands for the same in all uses of a block."""
        variants = self.variants.siblings[(place,)]
        values = [scope.values.get(name) for variant in variants for scope in variant.scopes]
        return all(is_same(value, values[0]) for value in values)

    def add_class(self, name: str, source: str) -> str:
        """Adds a class whose text has `{name}` in the place of its name, and gives the name."""
        name = unused(name, self.taken)
        self.taken.add(name)
        self.pieces.append(source.replace("{name}", name))
        return name

    def series_class(self, hint: str, series: Series, node: Node) -> str | None:
        return self.members.series(hint, series, node)

    def fan_class(self, fan: Fan, node: Node) -> str:
        return self.members.fan(fan, node)

    # Names of classes

    def _name(self, variant: Variant) -> str:
        """The class's name: the block's, told apart by what the variants differ in."""
        siblings = self.variants.siblings[variant.place]
        name = class_name(*variant.place) + _told_apart(siblings)[siblings.index(variant)]
        name = unused(name, self.taken)
        self.taken.add(name)
        return name


def _told_apart(siblings: Sequence[Variant]) -> list[str]:
    """What tells the variants of a block apart: their rank, the layers they were given, or nothing."""
    ranks = [f"{len(variant.graphs[0].inputs[0].spatial)}d" for variant in siblings]
    layers = ["".join(map(class_name, _layers(variant))) for variant in siblings]
    for words in (ranks, layers):
        if len(siblings) > 1 and len(set(words)) == len(siblings) and "0d" not in words:
            return words
    return [""] * len(siblings)


def _layers(variant: Variant) -> list[str]:
    texts = list(variant.scopes[0].layers.values())
    return texts if all(text.isidentifier() for text in texts) else []


def _imports(body: str) -> list[str]:
    """The imports that a source needs."""
    names = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    standard = [line for name, line in _STANDARD if name in names]
    torch = [line for name, line in _TORCH if name in names]
    own = "from torch import Tensor, nn" if "Tensor" in names else "from torch import nn"
    return [*standard, *([""] if standard else []), *torch, own]
