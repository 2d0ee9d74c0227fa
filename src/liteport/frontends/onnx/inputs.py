"""The inputs that an ONNX graph declares."""

from __future__ import annotations

from onnx import GraphProto, ValueInfoProto

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import DTYPES
from liteport.frontends.onnx.tensors import type_name
from liteport.ir.inputs import Declared
from liteport.ir.types import DType


def declared(graph: GraphProto) -> list[Declared]:
    """The inputs that a caller gives: older files list initialisers among them. Raises UnsupportedError."""
    constants = {t.name for t in graph.initializer}
    return [Declared(i.name, _dtype(i), _dims(i)) for i in graph.input if i.name not in constants]


def _dtype(info: ValueInfoProto) -> DType:
    """The input's type as liteport carries it. Raises UnsupportedError."""
    tensor = info.type.tensor_type
    if info.type.HasField("tensor_type") and tensor.elem_type in DTYPES:
        return DTYPES[tensor.elem_type]
    kind = info.type.WhichOneof("value")
    what = type_name(tensor.elem_type) if kind == "tensor_type" else kind
    raise UnsupportedError(f"an input of type {what} ({info.name}): inputs are tensors of numbers or truth values")


def _dims(info: ValueInfoProto) -> tuple[int | str | None, ...] | None:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.dim_value > 0 else d.dim_param or None for d in tensor.shape.dim)
