"""A model in another precision: half precision widened to what liteport computes in, or all floats to float64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, helper, numpy_helper

from liteport.frontends.onnx.attributes import subgraphs
from liteport.frontends.onnx.source import OnnxFile

HALF = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})
_FLOATS = HALF | {TensorProto.FLOAT, TensorProto.DOUBLE}
_TYPES_BY_NUMBER = ("to", "dtype", "output_dtype", "stash_type")


def has_half(model: ModelProto) -> bool:
    """Whether anything in the model has half precision."""
    return any(number in HALF for number in _mentioned(model.graph))


def in_float32(file: OnnxFile) -> ModelProto:
    """The model, its weights in it, with float32 in the place of half precision."""
    return _converted(file, HALF, TensorProto.FLOAT)


def in_float64(file: OnnxFile) -> ModelProto:
    """The model, its weights in it, with float64 in the place of all other floats."""
    return _converted(file, _FLOATS, TensorProto.DOUBLE)


def _converted(file: OnnxFile, types: frozenset[int], target: int) -> ModelProto:
    model = ModelProto()
    model.CopyFrom(file.proto)
    for old, new in zip(file.proto.graph.initializer, model.graph.initializer, strict=True):
        array = file.array(old)
        kind = target if old.data_type in types else old.data_type
        new.Clear()
        new.name, new.data_type = old.name, kind
        new.dims.extend(old.dims)
        new.raw_data = array.astype(helper.tensor_dtype_to_np_dtype(kind)).tobytes()
    _convert(model.graph, types, target)
    for function in model.functions:
        _convert_nodes(function.node, types, target)
    return model


def _convert(graph: GraphProto, types: frozenset[int], target: int) -> None:
    for info in (*graph.input, *graph.output, *graph.value_info):
        _convert_type(info.type, types, target)
    _convert_nodes(graph.node, types, target)


def _convert_type(type: TypeProto, types: frozenset[int], target: int) -> None:
    if type.HasField("tensor_type") and type.tensor_type.elem_type in types:
        type.tensor_type.elem_type = target


def _convert_nodes(nodes: Iterable[NodeProto], types: frozenset[int], target: int) -> None:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR and attribute.t.data_type in types:
                _convert_tensor(attribute.t, target)
            elif attribute.name in _TYPES_BY_NUMBER and attribute.i in types:
                attribute.i = target
        for inner in subgraphs(node):
            for tensor in inner.initializer:
                if tensor.data_type in types:
                    _convert_tensor(tensor, target)
            _convert(inner, types, target)


def _convert_tensor(tensor: TensorProto, target: int) -> None:
    array = np.asarray(numpy_helper.to_array(tensor)).astype(helper.tensor_dtype_to_np_dtype(target))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _mentioned(graph: GraphProto) -> Iterator[int]:
    """Every element type in a graph."""
    yield from (t.data_type for t in graph.initializer)
    yield from (info.type.tensor_type.elem_type for info in (*graph.input, *graph.output))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t.data_type
            elif attribute.name in _TYPES_BY_NUMBER:
                yield attribute.i
        for inner in subgraphs(node):
            yield from _mentioned(inner)
