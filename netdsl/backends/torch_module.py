"""Printed source → a torch module: the text itself is executed, so that what runs is what one reads.

The text is known to `linecache` under a name of its own, so that tracebacks and debuggers show its lines.
"""

from __future__ import annotations

import linecache
from hashlib import sha256

from torch import nn

from netdsl.backends.naming import class_name
from netdsl.backends.python_source import print_source
from netdsl.graph.graph import Network


def build_module(network: Network, *, heads: bool = False) -> nn.Module:
    """The network as a module with newly initialised weights.

    Args:
        heads: whether training-only heads are built as well.
    """
    kind = load_class(print_source(network), network.name)
    has_training_heads = any(not head.keep for head in network.heads)
    return kind(heads=True) if heads and has_training_heads else kind()


def load_class(source: str, name: str) -> type[nn.Module]:
    """The last class of a printed source: the network's own.

    Args:
        name: the spec's name, which tracebacks show.
    """
    # the text's hash keeps two networks of one name apart in tracebacks
    file = f"<netdsl {class_name(name)} {sha256(source.encode()).hexdigest()[:8]}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, object] = {"__name__": f"netdsl_{class_name(name)}"}
    exec(compile(source, file, "exec"), names)  # noqa: S102  # our own text, printed from a checked alphabet
    classes = [value for value in names.values() if isinstance(value, type) and issubclass(value, nn.Module)]
    return classes[-1]
