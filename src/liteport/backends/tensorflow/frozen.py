"""Writes a Module of one signature as a frozen graph: a GraphDef with the weights in it, and beside it a note of what
its inputs and outputs are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from liteport.backends.tensorflow.border import spec, unique
from liteport.backends.tensorflow.context import Tensor
from liteport.backends.tensorflow.walk import Walk
from liteport.backends.tensorflow.weights import Constants, node_name
from liteport.errors import UnsupportedError, UsageError
from liteport.formats.tensorflow.names import GraphNames, beside, write_names
from liteport.formats.tensorflow.names import Tensor as TensorNote
from liteport.ir.graph import Module, Value
from liteport.ir.types import Array

LIMIT = 2**31 - 2**26
"""Bytes of weights: a message of Protocol Buffers holds 2 GiB, the nodes among them."""


def save(module: Module, path: str | Path) -> None:
    """Writes `path`, and path.json. Raises UsageError for several signatures, UnsupportedError for operators that
    TensorFlow has no operation for, for state, and for more than 2 GB."""
    if len(module.signatures) != 1:
        several = ", ".join(str(graph.signature) for graph in module.signatures)
        raise UsageError(f"a frozen graph has one signature, the model several ({several}): --separate writes each")
    size = sum(array.nbytes for array in _constants(module))
    if size > LIMIT:
        raise UnsupportedError(
            f"{size / 1e9:.1f} GB of weights do not fit in a frozen graph, which holds 2 GB: write a SavedModel instead"
        )
    graph, names = build(module)
    data = graph.as_graph_def().SerializeToString()
    Path(path).write_bytes(data)
    write_names(beside(Path(path)), names)


def build(module: Module) -> tuple[Any, GraphNames]:
    """TensorFlow's graph, and what its inputs and outputs are called."""
    source = module.signatures[0]
    nodes = unique([node_name(name) for name in [*source.input_names, *source.output_names]])
    fed, fetched = nodes[: len(source.inputs)], nodes[len(source.inputs) :]
    with tf.Graph().as_default() as graph:
        inputs = [_placeholder(value, name) for value, name in zip(source.inputs, fed, strict=True)]
        for name in fetched:
            graph.unique_name(name)  # taken, before an operation of that name comes
        results = Walk(module, Constants()).write(source, inputs)
        # A name that ends in a slash is taken as it is.
        outputs = [tf.identity(tensor, f"{name}/") for tensor, name in zip(results, fetched, strict=True)]
    return graph, GraphNames(
        str(source.signature), _tensors(source.input_names, inputs), _tensors(source.output_names, outputs)
    )


def _placeholder(value: Value, name: str) -> Tensor:
    kind = spec(value, name)
    return tf.compat.v1.placeholder(kind.dtype, kind.shape, name)


def _tensors(names: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, TensorNote]:
    return {name: TensorNote(t.name, t.dtype.name, shape_of(t)) for name, t in zip(names, tensors, strict=True)}


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Its shape, -1 where a size is open."""
    return tuple(-1 if d is None else d for d in tensor.shape.as_list())


def _constants(module: Module) -> list[Array]:
    values = {value for graph in module.graphs for value in graph.values() if value.data is not None}
    arrays = {id(value.data): value.array for value in values}
    return list(arrays.values())
