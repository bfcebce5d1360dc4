"""The parts of a network by the paths of their modules, with their parameters."""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.graph.graph import Network, Step, walk, walk_node


def parameters_by_part(network: Network) -> dict[str, int]:
    """Every layer, and everything that layers stand in, with how many parameters it has, if any.

    Heads are among them, those of training too, and shared modules by their own names, each once.
    """
    found: dict[str, int] = {}
    seen: set[str] = set()
    for step in _steps(network):
        params = step.node.costs.params
        if not params or step.path in seen:
            continue
        seen.add(step.path)
        names = step.path.split(".")
        for level in range(len(names)):
            part = ".".join(names[: level + 1])
            found[part] = found.get(part, 0) + params
    return found


def _steps(network: Network) -> Iterator[Step]:
    yield from walk(network.graph)
    for head in network.heads:
        yield from walk_node(network.graph, head.node, "")
