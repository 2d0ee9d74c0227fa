"""What ONNX's own shape inference says of a model's values, asked for only where the IR's inference needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from onnx import GraphProto, ModelProto, TypeProto, ValueInfoProto, shape_inference

from liteport.frontends.onnx.attributes import subgraphs
from liteport.frontends.onnx.context import DTYPES
from liteport.ir.sizes import is_fixed
from liteport.ir.types import TensorType

_LARGE = 1 << 12  # bytes from which a constant is of no use to shape inference


class Hints:
    """Types by the values' names, for inputs of the given types."""

    def __init__(self, model: ModelProto, inputs: Mapping[str, TensorType]) -> None:
        self._model = model
        self._inputs = inputs

    def type(self, name: str) -> TensorType | None:
        """The value's type; None where its rank, or one of its sizes, is not known."""
        return self._types.get(name)

    @cached_property
    def _types(self) -> dict[str, TensorType]:
        try:
            inferred = shape_inference.infer_shapes(_skeleton(self._model, self._inputs), data_prop=True)
        except Exception:  # onnx raises what it likes on a graph that contradicts itself: nothing is known then
            return {}
        known = ((info.name, tensor_type(info.type)) for info in _infos(inferred.graph))
        return {name: type for name, type in known if type is not None}


def tensor_type(proto: TypeProto) -> TensorType | None:
    """The type as liteport carries it; None for what is no tensor of a known shape."""
    tensor = proto.tensor_type
    if tensor.elem_type not in DTYPES or not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    if any(not d.HasField("dim_value") or d.dim_value < 0 for d in dims):
        return None
    return TensorType(DTYPES[tensor.elem_type], tuple(d.dim_value for d in dims))


def _skeleton(model: ModelProto, inputs: Mapping[str, TensorType]) -> ModelProto:
    """The model for inputs of these shapes, without its weights."""
    small = ModelProto()
    small.CopyFrom(model)
    for tensor in small.graph.initializer:
        if len(tensor.raw_data) > _LARGE:
            tensor.ClearField("raw_data")
    for info in small.graph.input:
        if info.name in inputs and is_fixed(inputs[info.name].shape):
            del info.type.tensor_type.shape.dim[:]
            for size in inputs[info.name].shape:
                info.type.tensor_type.shape.dim.add().dim_value = size
    del small.graph.value_info[:]
    return small


def _infos(graph: GraphProto) -> Iterator[ValueInfoProto]:
    yield from graph.value_info
    yield from graph.output
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _infos(inner)
