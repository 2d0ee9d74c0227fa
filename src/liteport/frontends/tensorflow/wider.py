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
    attributes = operation.node_def.attr.values()
    if any(each.HasField("func") or each.list.func for each in attributes):  # a loop's body keeps its types
        return None
    return partial(_computed, operation)


def _computed(operation: Any, *tensors: Any) -> Any:
    tf = tensorflow()
    types = {tf.as_dtype(name).as_datatype_enum: tf.as_dtype(to).as_datatype_enum for name, to in _WIDER.items()}
    wide = [tf.cast(tensor, _WIDER.get(tensor.dtype.name, tensor.dtype)) for tensor in tensors]
    results = like(operation, wide, types)
    return [tf.cast(new, old.dtype) for new, old in zip(results, operation.outputs, strict=True)]
