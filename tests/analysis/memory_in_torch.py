"""What torch itself keeps and what lives at once, observed while a built network runs on the CPU."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netdsl.graph.graph import Leaf, Network, walk, walk_node


def inputs_of(network: Network, batch: int) -> list[torch.Tensor]:
    """A batch for each of a network's inputs."""
    return [torch.randn(batch, *map(int, shape.sizes)) for shape in network.graph.inputs]


def leaf_paths(network: Network) -> set[str]:
    """The paths of the modules that are there in inference."""
    heads = [head.node for head in network.heads if head.keep]
    steps = [*walk(network.graph), *(s for node in heads for s in walk_node(network.graph, node, ""))]
    return {step.path for step in steps if isinstance(step.node.operation, Leaf)}


def storage(tensor: torch.Tensor) -> int:
    """What tells a tensor's storage from others, on the meta device as well."""
    return int(tensor.untyped_storage()._cdata)


class _Packed:
    """What autograd holds in the place of a tensor, so that what it gives up again is not counted.

    Detached: a layer's output leads back to the step that keeps it, which would then keep itself.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()


def kept_bytes(model: nn.Module, inputs: Sequence[torch.Tensor]) -> int:
    """Bytes of the distinct storages that autograd keeps of a forward pass, but for the model's own."""
    own = {storage(tensor) for tensor in [*model.parameters(), *model.buffers()]}
    packed: list[weakref.ref[_Packed]] = []

    def pack(tensor: torch.Tensor) -> _Packed:
        held = _Packed(tensor)
        packed.append(weakref.ref(held))
        return held

    with warnings.catch_warnings(), torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.tensor):
        warnings.simplefilter("ignore")
        outputs = model(*inputs)
    tensors = [held.tensor for reference in packed if (held := reference()) is not None]
    kept = {storage(t): t.untyped_storage().nbytes() for t in tensors if storage(t) not in own}
    del outputs
    return sum(kept.values())


class _Steps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which storages each step reads and makes. A step is a leaf module's call, or an operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.step = 0
        self.depth = 0
        self.made: dict[int, int] = {}
        self.read: dict[int, int] = {}
        self.sizes: dict[int, int] = {}
        self.held: list[torch.UntypedStorage] = []
        """All of them, so that none's address is used again."""

    def note(self, tensor: torch.Tensor, *, is_read: bool) -> None:
        key = storage(tensor)
        if key not in self.made:
            self.made[key] = self.step
            self.sizes[key] = tensor.untyped_storage().nbytes()
            self.held.append(tensor.untyped_storage())
        if is_read:
            self.read[key] = self.step

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.depth == 0:
            self.step += 1
        result = func(*args, **(kwargs or {}))
        for is_read, tree in ((True, (args, kwargs)), (False, result)):
            for tensor in tree_leaves(tree):
                if isinstance(tensor, torch.Tensor):
                    self.note(tensor, is_read=is_read)
        return result


@contextmanager
def _leaves(model: nn.Module, paths: Iterable[str], steps: _Steps) -> Iterator[None]:
    def enter(*_: object) -> None:
        steps.depth += 1
        steps.step += steps.depth == 1

    def leave(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        steps.depth -= 1
        steps.note(output, is_read=False)

    leaves = [model.get_submodule(path) for path in paths]
    handles = [
        h for m in leaves for h in (m.register_forward_pre_hook(enter), m.register_forward_hook(leave))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def live_bytes(model: nn.Module, inputs: Sequence[torch.Tensor], paths: Iterable[str]) -> int:
    """The most bytes that live at once: each storage from the step that makes it to the last that reads it.

    What a step makes and only it reads is inside of a layer, and left out; inputs and what comes out stay.

    Args:
        paths: the paths of the layers' modules.
    """
    steps = _Steps()
    for tensor in inputs:  # also one that no step reads
        steps.note(tensor, is_read=False)
    model.eval()
    with warnings.catch_warnings(), torch.no_grad(), _leaves(model, paths, steps), steps:
        warnings.simplefilter("ignore")
        result = model(*inputs)
    outputs = list(result.values()) if isinstance(result, dict) else [result]
    own = {storage(tensor) for tensor in [*model.parameters(), *model.buffers()]}
    end = steps.step + 1
    lives = {}
    for key, made in steps.made.items():
        until = end if key in {storage(t) for t in outputs} else steps.read.get(key, made)
        if key not in own and until > made:
            lives[key] = (made, until)
    lives |= {storage(tensor): (0, end) for tensor in inputs}
    return max(
        sum(steps.sizes[key] for key, (first, last) in lives.items() if first <= step <= last)
        for step in range(end + 1)
    )
