"""Types that kernels lack: what is computed in them is computed in a wider one, or in 32 bits."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, like
from liteport.frontends.tensorflow.written_out import replaced

# Integers wrap around in int32 and then again as the narrow type does: sums and products come to the same.
_WIDER = {
    "float64": "float32",
    "float16": "float32",
    "bfloat16": "float32",
    "int8": "int32",
    "uint8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "int64": "int32",
}
_MOVED = ("Const", "Placeholder", "Identity", "Cast", "Bitcast")
"""They take every type, or stand for it."""


def wider(concrete: Any, refused: Container[str]) -> Any:
    """The function with a cast before and after every operator of these types; itself where there is none.

    `refused` are the operators that were refused: of int64 no others are computed in int32, beyond which it is cut off.
    """
    return replaced(concrete, partial(_body, refused))


def _body(refused: Container[str], operation: Any) -> Body | None:
    types = {tensor.dtype.name for tensor in (*operation.inputs, *operation.outputs)}
    asked = types & _WIDER.keys() if operation.type in refused else types & _WIDER.keys() - {"int64"}
    if operation.type in _MOVED or not asked:
        return None
    return partial(_computed, operation) if _takes_others(operation) else None


def _types() -> dict[int, int]:
    """_WIDER in TensorFlow's own numbers."""
    kinds = tensorflow().as_dtype
    return {kinds(name).as_datatype_enum: kinds(to).as_datatype_enum for name, to in _WIDER.items()}


def _takes_others(operation: Any) -> bool:
    """Whether the operator is one for the wider types too, and calls no functions, whose bodies keep their types."""
    definition, types = operation.op_def, _types()
    if any(arg.type in types for arg in (*definition.input_arg, *definition.output_arg)):
        return False
    for attribute in definition.attr:
        value, allowed = operation.node_def.attr[attribute.name], attribute.allowed_values.list.type
        if value.HasField("func") or value.list.func or (allowed and types.get(value.type, value.type) not in allowed):
            return False
    return True


def _computed(operation: Any, *tensors: Any) -> Any:
    tf, types = tensorflow(), _types()
    wide = [tf.cast(tensor, _WIDER.get(tensor.dtype.name, tensor.dtype)) for tensor in tensors]
    results = like(operation, wide, types)
    return [tf.cast(new, old.dtype) for new, old in zip(results, operation.outputs, strict=True)]
