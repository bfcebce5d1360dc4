"""A network run node by node, with the weights of its printed module: what `forward` is held against.

It calls a module's leaves by their paths and computes the merges itself, so that it shares nothing with the
printed classes but the leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add, mul, sub

import torch
from torch import Tensor, nn

from netdsl.graph.graph import (
    Child,
    Choice,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    MergeKind,
    Network,
    Node,
    Series,
    SharedUse,
    Use,
)


def run(network: Network, module: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The network's output and its heads' by name."""
    values = _values(network.graph, inputs, "", module)
    outputs = {"output": values[network.graph.result]}
    for head in network.heads:
        taken = [values[number] for number in head.node.inputs]
        outputs[head.name] = _node(head.node, taken, "", module)
    return outputs


def _values(graph: Graph, inputs: Sequence[Tensor], path: str, module: nn.Module) -> list[Tensor]:
    values = list(inputs)
    for node in graph.nodes:
        values.append(_node(node, [values[number] for number in node.inputs], path, module))
    return values


def _scope(graph: Graph, inputs: Sequence[Tensor], path: str, module: nn.Module) -> Tensor:
    return _values(graph, inputs, path, module)[graph.result]


def _node(node: Node, inputs: Sequence[Tensor], path: str, module: nn.Module) -> Tensor:
    here = ".".join(part for part in (path, node.name) if part)
    match node.operation:
        case Leaf():
            output: Tensor = module.get_submodule(here)(inputs[0])
            return output
        case Merge(kind=kind):
            return merged(kind, inputs)
        case Use(graph=graph) | Group(graph=graph):
            return _scope(graph, inputs, here, module)
        case Choice(graph=graph):
            return _scope(graph, inputs, path, module)
        case SharedUse(name=name, graph=graph):
            return _scope(graph, inputs, name, module)
        case Fan(kind=kind, children=children):
            members = enumerate(children)
            return merged(kind, [_child(c, inputs[0], inputs, f"{here}.{n}", module) for n, c in members])
        case Series(children=children):
            members = enumerate(child for child in children for _ in range(child.count))
            return reduce(lambda x, m: _child(m[1], x, inputs, f"{here}.{m[0]}", module), members, inputs[0])


def _child(child: Child, current: Tensor, inputs: Sequence[Tensor], path: str, module: nn.Module) -> Tensor:
    return _scope(child.graph, [current, *(inputs[number] for number in child.captures)], path, module)


def merged(kind: MergeKind, operands: Sequence[Tensor]) -> Tensor:
    """The operands added, subtracted, multiplied or concatenated."""
    if kind == "concat":
        return torch.cat(list(operands), 1)
    return reduce({"add": add, "sub": sub, "mul": mul}[kind], operands)
