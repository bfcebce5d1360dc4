"""A network → standalone PyTorch source, as a person would have written it.

One class for each block, with the block's parameters as arguments of its constructor, what is called before
what calls it, and the network's own class last. The source imports torch and nothing of netdsl; names and
literals in it come from a checked alphabet, never from raw text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from netdsl.backends.classes import ClassPrinter
from netdsl.backends.members import MemberClasses
from netdsl.backends.modules import Definition
from netdsl.backends.naming import class_name, unused, variable
from netdsl.backends.network_class import NetworkPrinter
from netdsl.backends.prose import docstring
from netdsl.backends.scopes import nodes_of, torch_call
from netdsl.backends.variants import Variant, Variants
from netdsl.graph.graph import Fan, Leaf, Network, Node, Series, Signature

_STANDARD = (
    ("math", "import math"),
    ("OrderedDict", "from collections import OrderedDict"),
    ("Callable", "from collections.abc import Callable"),
    ("partial", "from functools import partial"),
)
_TORCH = (("torch", "import torch"), ("F", "import torch.nn.functional as F"))

MAKE_DIVISIBLE = '''\
def make_divisible(value: float, divisor: int = 8, floor: float = 0.9) -> int:
    """The multiple of `divisor` nearest to `value`, not below `floor` of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * value else rounded
'''


def print_source(network: Network) -> str:
    """The source of a network; the same network gives the same text."""
    return SourceFile(network).text()


class SourceFile:
    """A source being printed: what it defines so far, and under which names."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.variants = Variants(network)
        self.blocks = {block.name: block for block in network.blocks}
        self.definitions: dict[Variant, Definition] = {}
        self.pieces: list[str] = []
        self.helpers: dict[str, None] = {}
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
        printed, _ = NetworkPrinter(self, self.name).printed()
        helpers = (helper.replace("torch.Tensor", "Tensor") for helper in self.helpers)
        body = "\n\n".join([*helpers, *self.pieces, printed])
        if re.search(r"\bmake_divisible\(", body):
            body = f"{MAKE_DIVISIBLE}\n\n{body}"
        return "\n".join([*docstring(self._about(), 0), "", *_imports(body)]) + f"\n\n\n{body}"

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
