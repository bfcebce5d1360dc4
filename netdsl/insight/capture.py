"""A tensor inside a running module, and its gradient: the one hook that every method is built on.

B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from netdsl.diagnostics import did_you_mean, fault
from netdsl.insight.landmarks import Place


class Captured:
    """What a place in a module held when the module last ran."""

    def __init__(self, place: Place, cut: bool) -> None:
        self.place, self._cut = place, cut
        self._value: torch.Tensor | None = None

    def keep(self, value: Any) -> torch.Tensor:
        """Notes the tensor, and gives what runs on in its stead: the same values.

        Raises:
            Faults: it is no tensor.
        """
        if not isinstance(value, torch.Tensor):
            message = f"`{self.place.path}` gives no single tensor"
            raise fault("layer-not-spatial", message, exit_code=2, help="name a layer with one output")
        self._value = value.detach().requires_grad_(torch.is_grad_enabled()) if self._cut else value
        return self._value.clone()  # what works in place behind it must not change what was noted

    @property
    def value(self) -> torch.Tensor:
        """The tensor.

        Raises:
            Faults: the module ran without passing here; exit code 2.
        """
        if self._value is None:
            raise _unused(self.place)
        return self._value

    @property
    def maps(self) -> torch.Tensor:
        """The tensor as maps, `(B, C, H, W)`.

        Raises:
            Faults: it is something else; exit code 2.
        """
        if self.value.ndim != 4:
            shape = "×".join(map(str, self.value.shape[1:]))
            message = f"`{self.place.path}` gives {shape}, which are no maps of height and width"
            raise fault("layer-not-spatial", message, exit_code=2, help="name a layer before the flattening")
        return self.value

    def gradient(self, score: torch.Tensor) -> torch.Tensor:
        """The gradient of a score, summed over the batch, at the tensor: of its shape.

        Raises:
            Faults: the score does not depend on it; exit code 2.
        """
        if not score.requires_grad:
            raise _unused(self.place)
        (gradient,) = torch.autograd.grad(score.sum(), self.value, allow_unused=True)
        if gradient is None:
            raise _unused(self.place)
        return gradient


def _unused(place: Place) -> Exception:
    message = f"the network's output does not depend on `{place.path}`"
    return fault("layer-unused", message, exit_code=2, help="name a layer that takes part in the prediction")


@contextmanager
def captured(module: nn.Module, place: Place, *, cut: bool = True) -> Iterator[Captured]:
    """Notes what a place in a module holds, for as long as the context lasts.

    Args:
        cut: whether gradients end here, which spares the way back to the image.

    Raises:
        Faults: the module has no such part; exit code 2.
    """
    found = Captured(place, cut)
    part = part_of(module, place.path)

    def entering(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (found.keep(inputs[0]), *inputs[1:])

    def leaving(_: nn.Module, __: tuple[Any, ...], output: Any) -> torch.Tensor:
        return found.keep(output)

    hook = part.register_forward_pre_hook(entering) if place.enters else part.register_forward_hook(leaving)
    try:
        yield found
    finally:
        hook.remove()


@contextmanager
def entering(module: nn.Module, path: str) -> Iterator[list[torch.Tensor]]:
    """Collects what goes into a part of a module, left in the flow of gradients."""
    found: list[torch.Tensor] = []

    def note(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        found.append(inputs[0])

    hook = part_of(module, path).register_forward_pre_hook(note)
    try:
        yield found
    finally:
        hook.remove()


def part_of(module: nn.Module, path: str) -> nn.Module:
    """The part of a module at a path.

    Raises:
        Faults: it has none; exit code 2.
    """
    parts: dict[str, nn.Module] = {name: part for name, part in module.named_modules() if name}
    if path in parts:
        return parts[path]
    stages = ", ".join(f"`{name}`" for name in parts if "." not in name)
    help = did_you_mean(path, parts) or f"its parts are {stages}; `netdsl check SPEC` shows what is in them"
    raise fault("unknown-layer-path", f"the network has no layer `{path}`", exit_code=2, help=help)


@contextmanager
def replaced_outputs(
    module: nn.Module, replace: Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor | None]
) -> Iterator[None]:
    """Lets a function of module, input and output replace what leaf modules give; None changes nothing."""

    def hook(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> torch.Tensor | None:
        return replace(part, inputs[0], output)

    leaves = [part for part in module.modules() if not any(True for _ in part.children())]
    hooks = [leaf.register_forward_hook(hook) for leaf in leaves]
    try:
        yield
    finally:
        for handle in hooks:
            handle.remove()
