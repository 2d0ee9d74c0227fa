"""Modules and files that the reader's tests read."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.backends.tflite.writer import to_bytes
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, constant
from liteport.ir.types import DType, Quantization, TensorType

F32, I8 = DType.FLOAT32, DType.INT8
ROW = TensorType(F32, (2, 3))
DATA = np.arange(6, dtype=np.float32).reshape(2, 3)


def sample() -> Module:
    """Two signatures that share weights, a body, quantisation, a dynamic dimension, metadata."""
    weights = constant(DATA, "weights")
    graphs = []
    for name, operator in (("first", ops.Add()), ("second", ops.Mul())):
        graph = Graph(name, signature=name, output_names=["b", "a"])
        b = Builder(graph)
        x = b.input(ROW, "x")
        x.extra["shape_signature"] = (-1, 3)
        y = b.emit(operator, x, weights)
        z = b.emit(ops.Quantize(to=I8), y, name="quantised")
        z.quantization = Quantization((0.5, 0.25, 0.125), (1, 2, 3), 1, (-1.0,), (2.0,))
        graph.outputs = [y, z]
        graphs.append(graph)
    body = Graph("body")
    b = Builder(body)
    body.outputs = [b.emit(ops.Neg(), b.input(ROW, "argument"))]
    return Module([*graphs, body], {"note": b"text", "more": b"\0\1"}, "a sample")


def foreign(model: Any) -> bytes:
    """A file as other writers lay it out: everything packed by the object API."""
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def simple() -> Any:
    """The ModelT of y = relu(x + c), for tests to change."""
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    graph.outputs = [b.emit(ops.Relu(), b.emit(ops.Add(), b.input(ROW, "x"), b.const(DATA, name="c")))]
    model = schema.ModelT.InitFromPackedBuf(to_bytes(Module([graph])))
    subgraph = model.subgraphs[0]
    subgraph.inputs, subgraph.outputs = list(subgraph.inputs), list(subgraph.outputs)
    for op in subgraph.operators:
        op.inputs, op.outputs = list(op.inputs), list(op.outputs)
    return model


def changed(change: Any) -> bytes:
    model = simple()
    change(model, model.subgraphs[0])
    return foreign(model)


def drop_signatures(model: Any, graph: Any) -> None:
    model.signatureDefs = None
