"""What dynamic dimensions are called, as a note in a file's metadata: the format itself only knows -1."""

from __future__ import annotations

import json
from collections.abc import Mapping

from liteport.ir.graph import Graph, Module
from liteport.ir.sizes import is_fixed

_KEY = "liteport.dimensions"

Dimensions = tuple[int | str, ...]


def note(module: Module) -> dict[str, bytes]:
    """The metadata that says what the dynamic dimensions of the signatures are called; none where all are fixed."""
    found = {str(graph.signature): _border(graph) for graph in module.signatures}
    if not any(isinstance(d, str) for tensors in found.values() for shape in tensors.values() for d in shape):
        return {}
    return {_KEY: json.dumps(found, separators=(",", ":")).encode()}


def noted(module: Module) -> Mapping[str, Mapping[str, Dimensions]]:
    """By signature and name, the dimensions of inputs and outputs that a file's metadata tells of."""
    try:
        found = json.loads(module.metadata.get(_KEY, b"{}"))
        return {s: {name: tuple(shape) for name, shape in tensors.items()} for s, tensors in found.items()}
    except (ValueError, AttributeError, TypeError):  # another tool's note under this name
        return {}


def _border(graph: Graph) -> dict[str, Dimensions]:
    tensors = [*zip(graph.input_names, graph.inputs, strict=True), *zip(graph.output_names, graph.outputs, strict=True)]
    return {name: tuple(d if is_fixed([d]) else str(d) for d in value.shape) for name, value in tensors}
