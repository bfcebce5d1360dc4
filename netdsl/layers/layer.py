"""What a layer is: one class that states five facts.

1. its arguments, as class attributes (`Integer`, `PerAxis`, `Choice`, …), by torch's names and with
   torch's defaults, minus what is inferred;
2. what it requires of its input (`requires`);
3. the shape of its output (`output`);
4. its parameters (`weights`), multiply-adds (`macs`) and connections (`connections`);
5. the torch call it becomes (`torch`), as inert data: nothing here imports torch.

Two more say how values pass through it, where it does not act on every position alone: which positions of
the input an output reads (`reads`), and what its backward pass needs (`keeps`, `is_view`,
`passes_gradient`).

The checker, the printer of source, the documentation and the tests' generator of networks all read the
same class. Layers are listed in `catalog.LAYERS`; a user's own are passed beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from netdsl.graph.formula import items, plain
from netdsl.graph.shapes import Shape
from netdsl.layers.arguments import LARGEST as LARGEST
from netdsl.layers.arguments import REQUIRED as REQUIRED
from netdsl.layers.arguments import Argument as Argument
from netdsl.layers.arguments import BadArgument as BadArgument
from netdsl.layers.arguments import Boolean as Boolean
from netdsl.layers.arguments import Choice as Choice
from netdsl.layers.arguments import FactorPerAxis as FactorPerAxis
from netdsl.layers.arguments import Integer as Integer
from netdsl.layers.arguments import Integers as Integers
from netdsl.layers.arguments import PerAxis as PerAxis
from netdsl.layers.arguments import Real as Real
from netdsl.layers.arguments import Text as Text
from netdsl.layers.dataflow import WHOLE, Kept, Reading
from netdsl.records import value_record


@value_record()
class Problem:
    """Why a layer cannot take an input, or an operator its operands."""

    code: str
    message: str
    """One fact, standing alone."""
    argument: str | None = None
    """The argument to point at, where one is to blame."""
    axes: tuple[str, ...] = ()
    """The axes the fact is about: where one of them is already in doubt, the problem is a consequence."""
    help: str | None = None
    instead: tuple[tuple[str, str], ...] = ()
    """What to write for arguments, where only that can be meant; "" for one that is to be left out."""
    before: str | None = None
    """The layer to put before this one, where only that can be meant."""


@value_record()
class TorchArgument:
    """An argument of a torch call: positional where `name` is None."""

    name: str | None
    value: Any
    default: Any = REQUIRED
    """Torch's default; a value equal to it is not printed."""


@value_record()
class TorchCall:
    """The construction of a module, as data.

    `target` is `nn.Something`, or the class that `helper` defines: source of a small module that torch
    lacks, printed once into the file that uses it. It may use `torch`, `nn`, `F` and `math`.
    """

    target: str
    arguments: tuple[TorchArgument, ...] = ()
    helper: str | None = None


class Layer:
    """A layer with its arguments bound. Subclasses are final: a layer is one class.

    A layer's docstring is its documentation: one sentence of what it does, then a paragraph that gives the
    shapes of input and output and the source.
    """

    word: ClassVar[str]
    """The layer's name in a spec."""
    spatial: ClassVar[tuple[int, ...] | None] = None
    """How many spatial axes the input may have behind its channels; None where any axes will do."""
    needs_channels: ClassVar[bool] = False
    """Whether the input must have an axis `c`, wherever it stands; said by `spatial` already where that is
    not None."""
    sets_channels: ClassVar[bool] = False
    """Whether the output's channels are the same whatever the input's are."""
    passes_gradient: ClassVar[bool] = True
    """Whether the output can be derived by the input."""
    mixes_axes: ClassVar[bool] = False
    """Whether what becomes of one spatial axis rests on another's size."""
    asks_across_axes: ClassVar[bool] = False
    """Whether what is asked of one spatial axis rests on another's size."""
    extra: ClassVar[Argument[Any] | None] = None
    """What arguments of other names are, where the layer takes such: every one is read by it and bound into
    `extras`."""

    extras: tuple[tuple[str, Any], ...]
    """Names and values of the arguments that `extra` read, by name."""

    def __init__(self, **values: Any) -> None:
        """Binds values that `Argument.read` gave; arguments not given take their defaults.

        Raises:
            TypeError: a name is no argument, and the layer takes no others.
        """
        arguments = self.arguments()
        for name, argument in arguments.items():
            self.__dict__[name] = values.get(name, argument.default)
        self.extras = tuple(sorted((name, value) for name, value in values.items() if name not in arguments))
        if self.extras and self.extra is None:
            message = f"`{self.word}` has no argument `{self.extras[0][0]}`: this is a bug in netdsl"
            raise TypeError(message)

    @classmethod
    def arguments(cls) -> Mapping[str, Argument[Any]]:
        """The arguments in the order in which they may be given without names."""
        found: Mapping[str, Argument[Any]] | None = cls.__dict__.get("_arguments")
        if found is None:
            found = {
                name: value
                for base in reversed(cls.__mro__)
                for name, value in vars(base).items()
                if isinstance(value, Argument) and name != "extra"
            }
            cls._arguments = found  # type: ignore[attr-defined]
        return found

    @property
    def values(self) -> tuple[tuple[str, Any], ...]:
        """The bound arguments by name, defaults included."""
        return tuple((name, self.__dict__[name]) for name in self.arguments()) + self.extras

    def problems(self, input: Shape) -> Iterator[Problem]:
        """Everything that keeps the layer from taking the input: axes first, then its own `requires`."""
        found = list(self._axis_problems(input))
        yield from found
        if not found:
            yield from self.requires(input)

    def _axis_problems(self, input: Shape) -> Iterator[Problem]:
        if self.spatial is None and not self.needs_channels:
            return
        if "c" not in input:
            yield self._no_channels(input)
        elif self.spatial is None:
            return
        elif not input.channels_first:
            names = " ".join(input.names)
            yield Problem(
                "channels-not-first",
                f"`{self.word}` needs the channels first, the input's axes are `{names}`",
                help=f'put `rearrange("{names} -> {_channels_first(input)}")` before it',
                before=f'rearrange("{names} -> {_channels_first(input)}")',
            )
        elif len(input.spatial) not in self.spatial:
            numbers = " or ".join(", ".join(map(str, self.spatial)).rsplit(", ", 1))
            axes = "axis" if self.spatial == (1,) else "axes"
            given = f"the input {input} has {len(input.spatial)}"
            yield Problem(
                "spatial-axes",
                f"`{self.word}` needs {numbers} spatial {axes} behind the channels, {given}",
                help=_spatial_help(self.spatial, len(input.spatial)),
            )
        else:
            yield from self._length_problems(input)

    def _no_channels(self, input: Shape) -> Problem:
        names = " ".join(input.names)
        as_channels = " ".join([*input.names[:-1], "c"])
        return Problem(
            "no-channels",
            f"`{self.word}` acts on the channels, the input's axes are `{names}`",
            help=f'say which axis they are: `rearrange("{names} -> …")` with an axis `c`, '
            f'or `rearrange("{as_channels} -> {as_channels}")` to call the last one so',
        )

    def _length_problems(self, input: Shape) -> Iterator[Problem]:
        count = len(input.spatial)
        for name, argument in self.arguments().items():
            value = self.__dict__[name]
            if not isinstance(value, tuple) or not isinstance(argument, PerAxis | FactorPerAxis):
                continue
            if len(value) != count:
                axes = "axis" if count == 1 else "axes"
                values = "value" if len(value) == 1 else "values"
                yield Problem(
                    "per-axis-length",
                    f"`{name}` has {len(value)} {values}, the input {input} has {count} spatial {axes}",
                    argument=name,
                    help=f"give {count} values, or one number for all" if count > 1 else "give one number",
                    instead=((name, spell(value[0])),) if len(set(value)) == 1 else (),
                )

    def each(self, value: Any, input: Shape) -> tuple[Any, ...]:
        """A `PerAxis` value for each spatial axis of the input."""
        return items(value) if isinstance(value, tuple) else (value,) * len(input.spatial)

    # The facts a subclass states

    def requires(self, input: Shape) -> Iterator[Problem]:
        """What keeps the layer from taking an input whose axes stand as `spatial` says."""
        yield from ()

    def output(self, input: Shape) -> Shape:
        """The output's shape, for an input without problems; unless stated, the input's."""
        return input

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        """The trainable parameters' shapes by torch's names, in torch's order."""
        return {}

    def macs(self, input: Shape) -> int:
        """Multiply-adds of convolutions and linears for one sample, without biases."""
        return 0

    def connections(self, input: Shape) -> int:
        """The inputs that the output's units read, biases among them (LeCun et al. 1998, II.B).

        Unless stated, those of what is multiplied and added; other layers have none.
        """
        macs = self.macs(input)
        return macs + self.output(input).elements if macs and "bias" in self.weights(input) else macs

    def torch(self, input: Shape) -> TorchCall:
        """The construction of the layer's module."""
        raise NotImplementedError

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        """For each axis of the input, how the output reads its positions.

        Unless stated: a unit reads its own position along axes that keep their size, and the whole of others.
        Channels are not followed: a unit is a position with all of its channels.
        """
        output = self.output(input)
        if output.rank != input.rank:
            return (WHOLE,) * input.rank
        pairs = zip(input.axes, output.axes, strict=True)
        return tuple(Reading(n) if a.size == b.size else WHOLE for n, (a, b) in enumerate(pairs))

    def keeps(self, input: Shape) -> Kept:
        """What autograd keeps for the layer's backward pass; unless stated, the input."""
        return Kept(input=True)

    def is_view(self, input: Shape, training: bool) -> bool:
        """Whether the output is the input's memory, looked at in another way or not at all changed."""
        return False

    # Derived

    def params(self, input: Shape) -> int:
        """The number of trainable parameters."""
        return sum(math.prod(shape) for shape in self.weights(input).values())

    def torch_arguments(self, *names: str) -> tuple[TorchArgument, ...]:
        """Keyword arguments that torch knows by the same name, with the same default."""
        arguments = self.arguments()
        return tuple(TorchArgument(name, self.__dict__[name], arguments[name].default) for name in names)

    def __repr__(self) -> str:
        """The layer as one would write it: `conv(64, 3, padding=1)`."""
        parts = []
        for name, argument in self.arguments().items():
            value = self.__dict__[name]
            if argument.required:
                parts.append(spell(value))
            elif plain(value) != plain(argument.default):
                parts.append(f"{name}={spell(value)}")
        parts += [f"{name}={spell(value)}" for name, value in self.extras]
        return f"{self.word}({', '.join(parts)})" if parts else self.word

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


def spell(value: Any) -> str:
    """A value as one would write it in a spec."""
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(spell(item) for item in value) + "]"
    return "none" if value is None else repr(value)


def _channels_first(input: Shape) -> str:
    return " ".join(["c", *(name for name in input.names if name != "c")])


def _spatial_help(allowed: tuple[int, ...], given: int) -> str:
    if given == 0:
        return "the input is already flat: put the layer before `flatten`"
    if allowed == (0,):
        return "put `flatten`, or a global pooling and `flatten`, before it"
    if given == 3 and 2 in allowed:
        return '`rearrange("c d h w -> (c d) h w")` folds the depth into the channels'
    return "reshape the input with `rearrange`"
