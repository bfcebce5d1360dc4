"""Where an expression stands: the names it may use, and what is gathered while it is worked out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from netdsl.analysis.labels import Labels
from netdsl.analysis.prelude import PRELUDE, prelude_words
from netdsl.analysis.scope import Tensor
from netdsl.analysis.values import UNKNOWN, Unknown
from netdsl.diagnostics import Collector, Diagnostic, Edit, Faults, Label, Span, did_you_mean
from netdsl.diagnostics.edits import write
from netdsl.graph.formula import FUNCTIONS, Formula, plain
from netdsl.language import syntax
from netdsl.layers.layer import Choice, Layer, PerAxis
from netdsl.records import record, replace, value_record

MERGE_FUNCTIONS = ("add", "sub", "mul", "concat")
UNROLLING = ("range", "enumerate", "zip")
CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "none": None,
    "None": None,
}
USAGE = {
    "from": "from(name)",
    **{name: f"{name}(a, b)" for name in MERGE_FUNCTIONS},
    "range": "range(n)",
    "enumerate": "enumerate(list)",
    "zip": "zip(list, list)",
    "len": "len(list)",
    "min": "min(a, b)` or `min(list)",
    "max": "max(a, b)` or `max(list)",
    "sum": "sum(list)",
    "round": "round(number)",
    "floor": "floor(number)",
    "ceil": "ceil(number)",
    "make_divisible": "make_divisible(number)",
}
"""How each of the language's own functions is written."""
FOREIGN = {
    "dense": "linear",
    "fc": "linear",
    "identity": "id",
    "sequential": "a -> b",
    "concatenate": "concat(a, b)",
    "cat": "concat(a, b)",
    "swish": "silu",
    "convolutional": "conv",
    "convolution": "conv",
    "innerproduct": "linear",
    "fullyconnected": "linear",
    "route": "concat(from(a), from(b))",
    "shortcut": "x + f",
    "dw": "depthwise",
    "dwconv": "depthwise",
    "bn": "batchnorm",
    "bnorm": "batchnorm",
    "inputlayer": "input: [3, 224, 224]",
    "zeropad": "pad",
    "zeropadding": "pad",
    "unflatten": "reshape",
    "view": "reshape",
    "permute": "rearrange",
    "transpose": "rearrange",
    "localresponsenorm": "lrn",
    "globalpool": "global_avgpool",
    "gap": "global_avgpool",
}
"""What other libraries call things, in small letters, and what they are called here."""
RESERVED = ("x", "id", "from", *CONSTANTS, *MERGE_FUNCTIONS, *UNROLLING, *FUNCTIONS)
"""Names that mean the same in every spec."""

MOST_SUGGESTIONS = 100
"""Faults up to which the nearest name is looked for."""
MOST_STEPS = 150_000
"""Steps that working out a spec may take, some five to ten microseconds each; DenseNet-121 takes 13,000."""


class BlockContext:
    """What all expressions of one use of a block share.

    Attributes:
        parameters: the block's own parameters; for the net, the spec's that nothing else reads.
        recalled: the tensors of named steps passed so far, for `from(name)`.
        constraints: formulas whose value the unrolling of lists relied on.
    """

    def __init__(self, parameters: frozenset[str] = frozenset()) -> None:
        self.parameters = parameters
        self.recalled: dict[str, Tensor] = {}
        self.constraints: dict[Formula, Any] = {}


class Effort:
    """Counts the steps that working out a spec takes: a few lines can say more than a lifetime holds."""

    def __init__(self) -> None:
        self.steps = 0


@value_record()
class Program:
    """The names a spec declares, and those it finds."""

    layers: Mapping[str, type[Layer]]
    blocks: Mapping[str, syntax.Block]
    """The prelude's blocks and the spec's own, which may replace them."""
    shared: Mapping[str, syntax.Block]
    parameters: Mapping[str, Any]
    """The spec's parameters, evaluated."""
    effort: Effort
    prelude_blocks: Mapping[str, syntax.Block] = MappingProxyType({})
    """The prelude's blocks, which use each other whatever a spec calls its own."""
    unreadable: frozenset[str] = frozenset()
    """Names whose declaration is at fault, which is told already."""

    keeps_formulas: bool = True
    """Whether numbers are to remember how they were computed: to print source, not to check."""

    def around(self, block: syntax.Block) -> Program:
        """The names that a block's body may use."""
        if self.prelude_blocks.get(block.name) is not block:
            return self
        return replace(self, blocks=self.prelude_blocks, shared={}, parameters={})

    def known(self) -> list[str]:
        reserved = [word for word in RESERVED if word not in CONSTANTS]
        return [*self.layers, *self.blocks, *self.shared, *self.parameters, *reserved]


@record
class Environment:
    """Where an expression stands: what its names mean."""

    program: Program
    found: Collector
    block: BlockContext
    labels: Labels
    x: Tensor | None = None
    """The tensor that entered the block; None outside of any."""
    variables: Mapping[str, Any] = MappingProxyType({})
    keeps_formulas: bool = True
    """Whether numbers keep their formulas; not in arguments that close over the names around a use."""
    trail: tuple[Label, ...] = ()
    """The uses of blocks that led here."""

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        help: str | None = None,
        *labels: Label,
        fix: tuple[Edit, ...] = (),
    ) -> Unknown:
        self.add(Diagnostic(code=code, message=message, span=span, help=help, labels=labels, fix=fix))
        return UNKNOWN

    def add(self, fault: Diagnostic) -> None:
        """Collects a fault with the uses that led there; one in the prelude is the fault of its use."""
        use = next((step for step in reversed(self.trail) if step.span.source.name != PRELUDE), None)
        if use is not None and fault.span is not None and fault.span.source.name == PRELUDE:
            labels = (Label(fault.span, "here, in the prelude"), *fault.labels)
            fault = replace(fault, span=use.span, labels=labels, fix=())
        self.found.add(replace(fault, trail=self.trail))

    def spend(self, steps: int, span: Span) -> None:
        """Counts steps.

        Raises:
            Faults: they are too many.
        """
        effort = self.program.effort
        effort.steps += steps
        if effort.steps > MOST_STEPS:
            message = f"the spec takes more than {MOST_STEPS:,} steps to work out; they ran out here"
            help = "repeat by `layer * n`, which is worked out once, and unroll shorter tables"
            fault = Diagnostic(code="too-much-work", message=message, span=span, help=help, trail=self.trail)
            raise Faults([fault])

    def label(self, node: syntax.Node, word: str) -> str:
        """The name of the module that a node makes; outside of any body, the word."""
        return self.labels.get((id(node), word), word)

    def named(self, value: Any) -> Any:
        return value if self.keeps_formulas else plain(value)


def report_unknown(name: str, span: Span, whole: Span, environment: Environment) -> Unknown:
    """Tells of a name that nobody declared.

    Args:
        span: where the name stands.
        whole: the call it stands in, or the name again.
    """
    if environment.found.tells("unknown-name", span):  # a wrong name in a table is met in each of its rows
        return UNKNOWN
    from netdsl.language.foreign import foreign_name  # only a wrong spec pays for it

    foreign = foreign_name(whole)
    if foreign is not None:
        environment.add(foreign)
        return UNKNOWN
    help = unknown_help(name, environment)
    meant = FOREIGN.get(_folded(name), "")
    fix = write(span, meant) if meant in environment.program.layers else ()
    if not meant and name in _words_in_quotes(environment.program):
        fix = write(span, f'"{name}"')
    return environment.report("unknown-name", f"`{name}` is not known here", span, help, fix=fix)


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def unknown_help(name: str, environment: Environment) -> str | None:
    """What may have been meant by a name nobody declared."""
    folded = _folded(name)
    if folded in FOREIGN:
        return f"write `{FOREIGN[folded]}`"
    if name in _words_in_quotes(environment.program):
        return f'put it into quotes: `"{name}"`'
    if len(environment.found) > MOST_SUGGESTIONS:
        return None
    for block in environment.program.blocks.values():
        if any(parameter.name == name for parameter in block.parameters):
            return f"the block `{block.name}` has a parameter `{name}`; another block must be given it"
    known = [*environment.variables, *environment.program.known(), *prelude_words()]
    return did_you_mean(name, known) or "`netdsl layers` lists the layers; blocks are declared under `blocks`"


def known_as(name: str, environment: Environment) -> str | None:
    """What a layer or block is called here that is declared, or known elsewhere, by a name."""
    program = environment.program
    meant = FOREIGN.get(_folded(name), name)
    known = meant in program.layers or meant in program.blocks or meant in prelude_words()
    return meant if known else None


def _words_in_quotes(program: Program) -> set[str]:
    """The words that arguments of layers may be."""
    arguments = [argument for layer in program.layers.values() for argument in layer.arguments().values()]
    words = [argument.options for argument in arguments if isinstance(argument, Choice)]
    words += [argument.words for argument in arguments if isinstance(argument, PerAxis)]
    return {word for group in words for word in group}
