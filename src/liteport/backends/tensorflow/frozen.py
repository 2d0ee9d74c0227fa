"""Writes a Module of one signature as a frozen graph: a GraphDef with the weights in it, and beside it a note of what
its inputs and outputs are called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from liteport.backends.tensorflow.border import spec
from liteport.backends.tensorflow.context import Tensor
from liteport.backends.tensorflow.walk import Walk
from liteport.backends.tensorflow.weights import Constants, node_name
from liteport.errors import UnsupportedError, UsageError
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array

LIMIT = 2**31 - 1
"""Bytes: more do not fit in a message of Protocol Buffers."""


def save(module: Module, path: str | Path) -> None:
    """Writes `path`, and path.json. Raises UsageError for several signatures, UnsupportedError for operators that
    TensorFlow has no operation for, for state, and for more than 2 GB."""
    if len(module.signatures) != 1:
        names = ", ".join(str(graph.signature) for graph in module.signatures)
        raise UsageError(f"a frozen graph has one signature, the model several ({names}): --separate writes each")
    size = sum(array.nbytes for array in _constants(module))
    if size > LIMIT:
        raise UnsupportedError(
            f"{size / 1e9:.1f} GB of weights do not fit in a frozen graph, which holds 2 GB: write a SavedModel instead"
        )
    graph, note = build(module)
    data = graph.as_graph_def(add_shapes=False).SerializeToString()
    Path(path).write_bytes(data)
    Path(f"{path}.json").write_text(json.dumps(note, indent=2) + "\n")


def build(module: Module) -> tuple[Any, dict[str, Any]]:
    """TensorFlow's graph, and the note: the signature, and by name the tensor, type and shape of inputs and outputs."""
    source = module.signatures[0]
    walk = Walk(module, Constants())
    walk.check()
    with tf.Graph().as_default() as graph:
        inputs = [_placeholder(value, name) for value, name in zip(source.inputs, source.input_names, strict=True)]
        results = walk.write(source, inputs)
        names = _distinct(source)
        outputs = [tf.identity(tensor, name) for tensor, name in zip(results, names, strict=True)]
    note = {
        "signature": source.signature,
        "inputs": _described(source.input_names, inputs),
        "outputs": _described(source.output_names, outputs),
    }
    return graph, note


def _placeholder(value: Value, name: str) -> Tensor:
    kind = spec(value, name)
    return tf.compat.v1.placeholder(kind.dtype, kind.shape, node_name(name))


def _distinct(graph: Graph) -> list[str]:
    """The outputs' names, which in a graph are never an input's."""
    taken = {name.lower() for name in graph.input_names}
    return [node_name(f"{name}_output" if name.lower() in taken else name) for name in graph.output_names]


def _described(names: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, Any]:
    return {
        name: {"tensor": tensor.name, "dtype": tensor.dtype.name, "shape": tensor.shape.as_list()}
        for name, tensor in zip(names, tensors, strict=True)
    }


def _constants(module: Module) -> list[Array]:
    values = {value for graph in module.graphs for value in graph.values() if value.data is not None}
    arrays = {id(value.data): value.array for value in values}
    return list(arrays.values())
