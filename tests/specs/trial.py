"""A run of a network on the CPU, with everything noted that a spec foretells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

SEED = 0
MERGES = {"add": "add", "sub": "sub", "mul": "mul", "cat": "concat"}
"""What torch calls the operators between branches, and what netdsl does."""


class Step(NamedTuple):
    """Something that was computed: a leaf module by its path, or a merge by its kind."""

    what: str
    output: tuple[int, ...]
    """The shape without the batch."""


class Trial(NamedTuple):
    """What a network did with one random sample of each of its inputs."""

    steps: list[Step]
    weights: dict[str, tuple[int, ...]]
    """The shapes of the state dict, in its order."""
    params: int
    """The elements of all that is trained."""
    outputs: list[Tensor]


class Recorder(TorchFunctionMode):
    """Notes, in order, the outputs of leaf modules and of the merges between them."""

    def __init__(self, network: nn.Module, leaves: Iterable[str]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.is_inside = False
        """Whether a leaf is running, whose own arithmetic is no merge."""
        for path in set(leaves):
            module = network.get_submodule(path)
            module.register_forward_pre_hook(self._enter)
            module.register_forward_hook(self._leave(path))

    def _enter(self, *_: Any) -> None:
        self.is_inside = True

    def _leave(self, path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(module: nn.Module, arguments: Any, output: Tensor) -> None:
            self.is_inside = False
            self.steps.append(Step(path, tuple(output.shape[1:])))

        return note

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.__name__ in MERGES and not self.is_inside:
            self.steps.append(Step(MERGES[func.__name__], tuple(result.shape[1:])))
        return result


def sample(shape: tuple[int, ...], batch: int = 1) -> Tensor:
    """A batch of random input, the same every time."""
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(SEED))


def tensors(output: Any) -> list[Tensor]:
    """What a network gives, in its order."""
    if isinstance(output, Tensor):
        return [output]
    return list(output.values() if isinstance(output, dict) else output)


def attempt(make: Callable[[], nn.Module], leaves: Iterable[str], inputs: Iterable[tuple[int, ...]]) -> Trial:
    """Makes a network from a fixed seed and runs it once in eval mode."""
    torch.manual_seed(SEED)
    network = make().eval()
    recorder = Recorder(network, leaves)
    with torch.no_grad(), recorder:
        outputs = tensors(network(*map(sample, inputs)))
    weights = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    params = sum(parameter.numel() for parameter in network.parameters())
    return Trial(recorder.steps, weights, params, outputs)
