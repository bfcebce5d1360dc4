"""Layers of the user's own: Python classes with the same five facts, named on the command line.

A spec can never name Python code; `--plugin module`, typed by a person, does. The module's classes that
`@netdsl.layer` marks are then layers like any other.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from netdsl.diagnostics import fault
from netdsl.layers.catalog import LAYERS_BY_WORD
from netdsl.layers.layer import Layer

AnyLayer = TypeVar("AnyLayer", bound=type[Layer])

_MARK = "_declared_by_plugin"


def layer(declared: AnyLayer) -> AnyLayer:
    """Marks a class as a layer of a plugin.

        @netdsl.layer
        class Swish(netdsl.Layer):
            '''x * sigmoid(x) ...'''
            word = "swish"
            def torch(self, input): return TorchCall("nn.SiLU")

    Raises:
        TypeError: the class does not state what a layer is.
    """
    word = declared.__dict__.get("word")
    if not isinstance(word, str) or not word.isidentifier():
        message = f"{declared.__name__} needs `word`, the layer's name in a spec"
        raise TypeError(message)
    if declared.torch is Layer.torch:
        message = f"{declared.__name__} must say which torch module it becomes: define `torch(self, input)`"
        raise TypeError(message)
    setattr(declared, _MARK, True)
    return declared


def load_layers(modules: Iterable[str]) -> Mapping[str, type[Layer]]:
    """The built-in layers and those of the named modules, by word.

    Raises:
        Faults: a module cannot be imported, declares no layer, or declares one that exists already.
    """
    layers = dict(LAYERS_BY_WORD)
    for name in modules:
        declared = _declared_in(name)
        if not declared:
            help = "mark its classes with `@netdsl.layer`"
            raise fault("empty-plugin", f"the plugin `{name}` declares no layer", help=help)
        for found in declared:
            if layers.setdefault(found.word, found) is not found:
                message = f"the plugin `{name}` declares `{found.word}`, which is a layer already"
                raise fault("plugin-layer", message, help="give it another `word`")
    return layers


def _declared_in(name: str) -> list[type[Layer]]:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a plugin is foreign code: whatever it raises is its fault
        help = "name an importable module, such as `--plugin my_layers` for my_layers.py on the Python path"
        raise fault("plugin-import", f"the plugin `{name}` cannot be imported: {error}", help=help) from error
    values = vars(module).values()
    return [value for value in values if isinstance(value, type) and value.__dict__.get(_MARK)]
