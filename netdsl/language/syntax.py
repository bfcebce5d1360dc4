"""The syntax tree: what a spec's text says, before anything is looked up or computed.

Every node keeps the span it came from. Names are not resolved here: whether `c` is a number, a layer or
a block is known only when the text is elaborated.
"""

from __future__ import annotations

from typing import Literal

from netdsl.diagnostics import Span
from netdsl.records import record

MergeKind = Literal["add", "sub", "mul", "concat"]


@record
class Node:
    """Anything with a place in the text."""

    span: Span


# Expressions


@record
class Broken(Node):
    """A text whose fault is reported already: it means nothing, and nothing more is said about it."""


@record
class Number(Node):
    value: int | float


@record
class String(Node):
    value: str


@record
class Name(Node):
    name: str


@record
class Negate(Node):
    operand: Expression


@record
class Not(Node):
    operand: Expression


@record
class Binary(Node):
    """`left operator right`, for `+ - * / // % **` and `|`."""

    operator: str
    left: Expression
    right: Expression


@record
class Compare(Node):
    """A chain of comparisons, `1 < c <= 64`, as Python reads it."""

    operators: tuple[str, ...]
    operands: tuple[Expression, ...]


@record
class Logic(Node):
    """`and` or `or` over two or more operands."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]


@record
class Conditional(Node):
    """`then if condition else otherwise`."""

    then: Expression
    condition: Expression
    otherwise: Expression


@record
class Attribute(Node):
    """`value.name`."""

    value: Expression
    name: str


@record
class Index(Node):
    """`value[index]`."""

    value: Expression
    index: Expression


@record
class Argument(Node):
    """A positional or, with a name, a keyword argument of a call."""

    name: str | None
    value: Expression


@record
class Call(Node):
    """`name(arguments)`."""

    name: str
    name_span: Span
    arguments: tuple[Argument, ...]


@record
class Listing(Node):
    """`(a, b)` or `[a, b]`: the language does not tell them apart."""

    items: tuple[Expression, ...]


@record
class Generator(Node):
    """`(element for targets in iterable)`."""

    element: Expression
    targets: tuple[str, ...]
    iterable: Expression


@record
class Chain(Node):
    """`a -> b -> c`."""

    steps: tuple[Expression, ...]


Expression = (
    Broken
    | Number
    | String
    | Name
    | Negate
    | Not
    | Binary
    | Compare
    | Logic
    | Conditional
    | Attribute
    | Index
    | Call
    | Listing
    | Generator
    | Chain
)


# Bodies: what a YAML value can say where a layer is expected


@record
class Sequence(Node):
    """A YAML list: the bodies one after another."""

    items: tuple[Body, ...]


@record
class Stage(Node):
    """A named step; `span` is that of the name."""

    name: str
    body: Body


@record
class Stages(Node):
    """A YAML mapping of named steps, one after another."""

    items: tuple[Stage, ...]


@record
class Merge(Node):
    """The long form of `+ - * |`: a mapping with one key, one branch per list item."""

    kind: MergeKind
    branches: tuple[Body, ...]


Body = Expression | Sequence | Stages | Merge


# The document


@record
class Parameter(Node):
    """A parameter of a block, with its default where it has one."""

    name: str
    default: Expression | None


@record
class Block(Node):
    """A block's signature and body; `span` is that of its name."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Body


@record
class Head(Node):
    """A side output: a body on the output of the stage `at`."""

    name: str
    at: str
    at_span: Span
    weight: float
    keep: bool
    body: Body


@record
class Claim(Node):
    """A figure that a paper or a reference implementation states."""

    subject: str
    """`params`, `macs`, `neurons`, `connections`, or of a stage `shapes.STAGE`, `neurons.STAGE`, …."""
    value: int | tuple[int, ...]
    wrong: str | None
    """Why the figure in print is known to be wrong; None where it is believed."""


@record
class Data(Node):
    """YAML as data, for the sections whose meaning others define: scalars as they were written."""

    value: str | tuple[Data, ...] | tuple[tuple[Data, Data], ...]
    kind: Literal["scalar", "list", "mapping"]

    def get(self, key: str) -> Data | None:
        """The value under a key of a mapping."""
        for name, value in self.entries():
            if name.value == key:
                return value
        return None

    def entries(self) -> tuple[tuple[Data, Data], ...]:
        """The keys and values of a mapping; nothing for a scalar or a list."""
        return self.value if self.kind == "mapping" else ()  # type: ignore[return-value]

    def items(self) -> tuple[Data, ...]:
        """The items of a list; nothing for a scalar or a mapping."""
        return self.value if self.kind == "list" else ()  # type: ignore[return-value]


@record
class Setting(Node):
    """A named expression: a parameter of the spec, or a size of the input."""

    name: str
    value: Expression


@record
class Spec(Node):
    """A whole document; `span` is that of its name."""

    name: str
    about: str
    inputs: tuple[tuple[str, Listing], ...]
    """Each input's name and sizes, `[C, *spatial]`; a single unnamed input is called `input`."""
    parameters: tuple[Setting, ...]
    blocks: tuple[Block, ...]
    shared: tuple[Block, ...]
    net: Body
    heads: tuple[Head, ...]
    claims: tuple[Claim, ...]
    cite: str | None
    """Where the claims come from."""
    train: Data | None
    unreadable: frozenset[str]
    """Names of blocks whose signature could not be read: nothing is said of their uses."""
