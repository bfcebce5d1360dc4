"""Modules and optimizers as named tensors: what a checkpoint holds of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from netdsl.diagnostics import fault

Tensors = dict[str, torch.Tensor]


def module_tensors(module: nn.Module) -> Tensors:
    """A module's parameters and buffers by name; what several names share appears once."""
    kept = module.state_dict().keys()
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor for name, tensor in named if name in kept}


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor, gathered if each of several processes has a share of it; then all of them have to ask."""
    gathered: torch.Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return gathered


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The values of a tensor that are in this process."""
    here: torch.Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return here


def share_out(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A whole tensor as another is: this process' share of it, where that is one."""
    if not hasattr(like, "full_tensor"):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor  # half a second that few have to wait

    assert isinstance(like, DTensor)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def load_module(module: nn.Module, tensors: Tensors, where: Path) -> None:
    """Sets a module's parameters and buffers.

    Raises:
        Faults: they are not this module's; exit code 5.
    """
    own = module_tensors(module)
    problem = _difference({n: t.shape for n, t in own.items()}, {n: t.shape for n, t in tensors.items()})
    if problem is not None:
        help = "the spec has changed since, or the checkpoint belongs to another run"
        message = f"the checkpoint in `{where}` does not fit the network: {problem}"
        raise fault("checkpoint-mismatch", message, exit_code=5, help=help)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(share_out(tensors[name].to(tensor.device), tensor))


def _difference(own: Mapping[str, torch.Size], given: Mapping[str, torch.Size]) -> str | None:
    for name, shape in own.items():
        if name not in given:
            return f"it has no `{name}`"
        if given[name] != shape:
            return f"`{name}` is {tuple(given[name])}, not {tuple(shape)}"
    surplus = [name for name in given if name not in own]
    return f"it has `{surplus[0]}`, which the network has not" if surplus else None


def optimizer_tensors(optimizer: Optimizer, module: nn.Module) -> Tensors:
    """An optimizer's memory: `parameter/what`, such as `conv1.weight/momentum_buffer`."""
    tensors: Tensors = {}
    for name, parameter in module.named_parameters():
        for what, value in optimizer.state.get(parameter, {}).items():
            if value is not None:  # SGD without momentum keeps a place for none
                tensors[f"{name}/{what}"] = torch.as_tensor(value)
    return tensors


def load_optimizer(optimizer: Optimizer, module: nn.Module, tensors: Tensors, where: Path) -> None:
    """Sets an optimizer's memory, each tensor laid out as its parameter is, so that steps have the same bits.

    Raises:
        Faults: it is not that of this module's parameters; exit code 5.
    """
    parameters = dict(module.named_parameters())
    for key, tensor in tensors.items():
        name, _, what = key.rpartition("/")
        parameter = parameters.get(name)
        if parameter is None or tensor.shape not in (parameter.shape, torch.Size()):
            message = f"the optimizer's memory in `{where}` does not fit the network at `{name}`"
            raise fault("checkpoint-mismatch", message, exit_code=5, help="the spec has changed since")
        if tensor.shape == parameter.shape and what != "step":
            laid_out = torch.empty_like(parameter, dtype=tensor.dtype)
            optimizer.state[parameter][what] = laid_out.detach().copy_(share_out(tensor, parameter))
        else:  # fused kernels count their steps where the weights are
            is_fused = bool(optimizer.defaults.get("fused"))
            optimizer.state[parameter][what] = tensor.clone().to(
                parameter.device if is_fused else tensor.device
            )
