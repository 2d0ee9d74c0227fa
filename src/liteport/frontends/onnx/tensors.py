"""From ONNX's tensors to arrays, on the bytes that the model holds where their type can stay."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import DTYPES
from liteport.ir.types import Array

# Types whose raw bytes NumPy reads as they are.
PLAIN: dict[int, np.dtype[Any]] = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.DOUBLE: np.dtype("<f8"),
    TensorProto.FLOAT16: np.dtype("<f2"),
    TensorProto.INT64: np.dtype("<i8"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.INT16: np.dtype("<i2"),
    TensorProto.INT8: np.dtype("i1"),
    TensorProto.UINT64: np.dtype("<u8"),
    TensorProto.UINT32: np.dtype("<u4"),
    TensorProto.UINT16: np.dtype("<u2"),
    TensorProto.UINT8: np.dtype("u1"),
    TensorProto.BOOL: np.dtype("?"),
}


def type_name(data_type: int) -> str:
    """FLOAT, STRING ...: the name of an element type, or its number where it has none."""
    known = TensorProto.DataType.values()
    return TensorProto.DataType.Name(data_type) if data_type in known else f"number {data_type}"


def to_array(tensor: TensorProto) -> Array:
    """The tensor in the type that liteport carries, a view of its bytes where that is its own.

    Raises InputError where the tensor contradicts itself, UnsupportedError for a type that has no place.
    """
    checked_type(tensor)
    return carried(stored(tensor))


def checked_type(tensor: TensorProto) -> None:
    """Raises UnsupportedError for an element type that liteport does not carry."""
    if tensor.data_type not in DTYPES:
        raise UnsupportedError(f"values of type {type_name(tensor.data_type)} ({tensor.name or 'a constant'})")


def carried(array: Array) -> Array:
    """The array in the type that liteport carries: all floats become float32, integers of 2 and 4 bits have 8."""
    name = array.dtype.name
    if array.dtype.kind == "f" or name == "bfloat16":
        return array.astype(np.float32) if array.dtype != np.float32 else array
    if name in ("int4", "int2"):
        return array.astype(np.int8)
    return array.astype(np.uint8) if name in ("uint4", "uint2") else array


def stored(tensor: TensorProto) -> Array:
    """The tensor in its own type. Raises InputError where it contradicts itself."""
    if tensor.data_location == TensorProto.EXTERNAL:
        raise InputError(f"tensor {tensor.name!r} is in another file, which only initialisers may be")
    shape = tuple(tensor.dims)
    plain = PLAIN.get(tensor.data_type)
    if plain is None or not tensor.HasField("raw_data"):
        return _decoded(tensor)
    raw = tensor.raw_data
    if any(d < 0 for d in shape) or len(raw) != prod(shape) * plain.itemsize:
        raise InputError(
            f"tensor {tensor.name!r} has {len(raw)} bytes, which are not {type_name(tensor.data_type)}{list(shape)}: "
            "the file is damaged"
        )
    return np.frombuffer(raw, plain).reshape(shape)


def _decoded(tensor: TensorProto) -> Array:
    if any(d < 0 for d in tensor.dims):
        raise InputError(f"tensor {tensor.name!r} has a shape of {list(tensor.dims)}: the file is damaged")
    try:
        array: Array = np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # onnx raises whatever NumPy does on what does not fit
        raise InputError(f"tensor {tensor.name!r} cannot be read ({error}): the file is damaged") from error
    return array
