"""Operator versions: the lowest that says everything an operation needs of the runtime.

Source: TensorFlow's rules for its own converter (tflite/tools/versioning/op_version.cc).
A rule is a number, or a function of the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from liteport.ir.graph import Op, Value
from liteport.ir.types import DType

Rule = int | Callable[[Op], int]

_FLOAT8 = {"float8_e4m3fn", "float8_e5m2"}


def _type(op: Op, index: int = 0) -> str:
    value = op.optional(index)
    return value.dtype.name.lower() if value else ""


def _result(op: Op) -> str:
    return op.output.dtype.name.lower()


def _attribute(op: Op, name: str) -> Any:
    return getattr(op.operator, name)


def _per_channel(value: Value) -> bool:
    return value.quantization is not None and len(value.quantization.scale) > 1


def _quantized(value: Value) -> bool:
    return value.quantization is not None and bool(value.quantization.scale)


def _max_rank(op: Op) -> int:
    return max((v.rank for v in op.inputs if v is not None), default=0)


def _broadcasts(op: Op) -> bool:
    return op.operand(0).shape != op.operand(1).shape


def _hybrid(op: Op, weights: int = 1) -> bool:
    """Float activations on int8 weights."""
    return _type(op) == "float32" and _type(op, weights) == "int8" and _result(op) == "float32"


def by_type(at: int = 0, default: int = 1, float8: int = 0, **versions: int) -> Rule:
    """The version that the type of input `at` asks for."""
    table = {**versions, **(dict.fromkeys(_FLOAT8, float8) if float8 else {})}
    return lambda op: table.get(_type(op, at), default)


INT8_2 = by_type(int8=2)
INT8_2_INT16_3 = by_type(int8=2, int16=3)
RELU = by_type(int8=2, uint8=2, int16=3)
MATH = by_type(int8=2, int16=2)


def conv_2d(op: Op) -> int:
    x, w = op.operand(0), op.operand(1)
    pair = (_type(op), _type(op, 1))
    if pair == ("int16", "int8") and _attribute(op, "quantized_bias_type") is not DType.FLOAT32:
        return 8
    if x.shape[-1] != w.shape[-1]:
        return 6
    if _hybrid(op):
        return 5 if _per_channel(w) else 2
    return {("int16", "int16"): 4, ("int8", "int8"): 3, ("int8", "int4"): 7}.get(pair, 1)


def depthwise_conv_2d(op: Op) -> int:
    if _hybrid(op):
        return 6 if _per_channel(op.operand(1)) else 4
    pair = (_type(op), _type(op, 1))
    dilated = 2 if _attribute(op, "dilation") != (1, 1) else 1
    return {("int16", "int16"): 5, ("int8", "int8"): 3, ("int8", "int4"): 7}.get(pair, dilated)


def transpose_conv(op: Op) -> int:
    if (_type(op, 2), _type(op, 1)) == ("int16", "int8") and _attribute(op, "quantized_bias_type") is not DType.FLOAT32:
        return 5
    if _attribute(op, "activation").name != "NONE":
        return 4
    if op.optional(3) is not None:
        return 3
    return 2 if _type(op, 1) == "int8" else 1


def fully_connected(op: Op) -> int:
    w, pair = op.operand(1), (_type(op), _type(op, 1))
    hybrid = _hybrid(op)
    bias_type = _attribute(op, "quantized_bias_type")
    rules = (
        (w.dtype is DType.INT2, 14),
        (pair == ("int16", "int4"), 13),
        (hybrid and _per_channel(w), 12),
        (pair == ("int16", "int8") and bias_type is not DType.FLOAT32, 11),
        ("sparsity" in w.extra, 8),
        (pair == ("int16", "int16"), 7),
        (len(op.inputs) == 2, 6),
        (_attribute(op, "keep_num_dims"), 5),
        (pair == ("int8", "int8"), 4),
        (pair == ("int8", "int4"), 10),
        (hybrid and _attribute(op, "asymmetric_quantize_inputs"), 9),
        (hybrid, 3),
        (_attribute(op, "weights_format") != "DEFAULT", 2),
    )
    return next((version for holds, version in rules if holds), 1)


def batch_matmul(op: Op) -> int:
    if _hybrid(op) and _attribute(op, "asymmetric_quantize_inputs"):
        return 4
    return {"int16": 3, "int8": 2}.get(_type(op), 1)


def embedding_lookup(op: Op) -> int:
    if _type(op, 1) == "int4" or _per_channel(op.operand(1)):
        return 4
    return 5 if _type(op, 1) == "int2" else 1


def fake_quant(op: Op) -> int:
    return 2 if _attribute(op, "narrow_range") else 1


def gather(op: Op) -> int:
    kind = _type(op)
    if kind in _FLOAT8 or kind == "int4":
        return 7 if kind == "int4" else 8
    if _type(op, 1) == "int16":
        return 6
    if _attribute(op, "batch_dims"):
        return 5
    return {"int16": 4, "bool": 3, "int8": 2}.get(kind, 1)


def gather_nd(op: Op) -> int:
    kind = _type(op)
    if kind in _FLOAT8 or kind == "bool":
        return 5 if kind == "bool" else 6
    if _type(op, 1) == "int16":
        return 4
    return {"int16": 3, "string": 2}.get(kind, 1)


def add(op: Op) -> int:
    kind = _type(op)
    if kind == "int16":
        if not _quantized(op.operand(0)):
            return 5
        return 1 if _attribute(op, "pot_scale_int16") else 3
    return {"float16": 6, "int64": 4, "int8": 2}.get(kind, 1)


def sub(op: Op) -> int:
    if _type(op) == "int16" and not _attribute(op, "pot_scale_int16"):
        return 5
    if _type(op) == "int64":
        return 4
    if _broadcasts(op) and _max_rank(op) > 4:
        return 3
    return 2 if _type(op) == "int8" else 1


def mul(op: Op) -> int:
    kind = _type(op)
    if kind == "int16":
        return 4 if _quantized(op.operand(0)) else 7
    if kind in ("int8", "uint8") and _rescales_up(op):
        return 3
    return {"float16": 8, "uint32": 7, "complex64": 6, "int64": 5, "int8": 2}.get(kind, 1)


def _rescales_up(op: Op) -> bool:
    left, right, out = (v.quantization for v in (op.operand(0), op.operand(1), op.output))
    if not (left and right and out and left.scale and right.scale and out.scale and out.scale[0]):
        return False
    return left.scale[0] * right.scale[0] / out.scale[0] >= 1.0


def div(op: Op) -> int:
    return 2 if _broadcasts(op) and _max_rank(op) > 4 else 1


def maximum(op: Op) -> int:
    if _type(op) == "int16":
        return 4
    if _broadcasts(op) and _max_rank(op) > 4:
        return 3
    return 2 if _type(op) == "int8" else 1


def absolute(op: Op) -> int:
    if _type(op) == "int16":
        return 3 if _quantized(op.operand(0)) else 4
    return {"int32": 5, "int8": 2, "uint8": 2}.get(_type(op), 1)


def transpose(op: Op) -> int:
    kind, rank = _type(op), op.input.rank
    rules = (
        (kind == "float16", 9),
        (rank > 6 or kind == "bfloat16", 8),
        (kind == "int4", 7),
        (rank > 5, 6),
        (kind == "int16", 5),
        (rank > 4, 4),
        (kind == "bool", 3),
        (kind == "int8", 2),
    )
    return next((version for holds, version in rules if holds), 1)


def slice_(op: Op) -> int:
    kind = _type(op)
    if kind in ("float16", "int4", "uint32"):
        return {"float16": 8, "int4": 7, "uint32": 6}[kind]
    if op.input.rank > 4:
        return 5
    return {"int16": 4, "string": 3, "int8": 2}.get(kind, 1)


def strided_slice(op: Op) -> int:
    kind = _type(op)
    rules = (
        (_attribute(op, "offset"), 8),
        (kind == "uint32", 7),
        (_attribute(op, "ellipsis_mask") or _attribute(op, "new_axis_mask"), 6),
        (kind == "string", 5),
        (op.input.rank > 4, 4),
        (kind == "bool", 3),
        (kind == "int8", 2),
    )
    return next((version for holds, version in rules if holds), 1)


def pad(op: Op) -> int:
    kind = _type(op)
    if kind in _FLOAT8 or kind == "bool":
        return 5 if kind == "bool" else 6
    if op.input.rank > 4:
        return 4
    return {"int16": 3, "int8": 2}.get(kind, 1)


def resize_bilinear(op: Op) -> int:
    if _type(op) == "int16":
        return 4
    if _attribute(op, "half_pixel_centers"):
        return 3
    return 2 if _type(op) == "int8" else 1


def resize_nearest_neighbor(op: Op) -> int:
    if _type(op) == "int16":
        return 4
    if _attribute(op, "half_pixel_centers") or _attribute(op, "align_corners"):
        return 3
    return 2 if _type(op) == "int8" else 1


def space_to_batch_nd(op: Op) -> int:
    if _type(op) == "int16":
        return 4
    if op.input.rank != 4:
        return 3
    return 2 if _type(op) == "int8" else 1


def select(op: Op) -> int:
    if _type(op, 1) == "uint32":
        return 4
    if _max_rank(op) == 5:
        return 3
    return 2 if _type(op, 1) == "int8" else 1


def topk_v2(op: Op) -> int:
    if "int16" in (_type(op), _type(op, 1), op.outputs[-1].dtype.name.lower()):
        return 3
    return 2 if _type(op) == "int8" else 1


def dynamic_update_slice(op: Op) -> int:
    by_kind = {"bfloat16": 6, "int4": 5, "int16": 4, "float16": 3}
    return by_kind.get(_type(op), 2 if _type(op, 2) == "int64" else 1)


def cast(op: Op) -> int:
    pair = {_type(op), _result(op)}
    rules = (
        (pair & _FLOAT8, 9),
        (pair & {"int2", "uint4"}, 8),
        ("bfloat16" in pair, 7),
        ((_type(op), _result(op)) == ("int4", "float32"), 6),
        (pair & {"float64", "float16"}, 5),
        ("uint16" in pair, 4),
        ("int8" in pair, 3),
        ("uint32" in pair, 2),
    )
    return next((version for holds, version in rules if holds), 1)


def dequantize(op: Op) -> int:
    if _type(op) == "int8":
        return 5 if _per_channel(op.input) else 2
    table = {"uint4": 8, "int2": 7, "int4": 6, "int16": 3, "float16": 3, **dict.fromkeys(_FLOAT8, 9)}
    return table.get(_type(op), 1)


def quantize(op: Op) -> int:
    pair = {_type(op), _result(op)}
    if pair & {"uint4", "int4"}:
        return 5 if "uint4" in pair else 4
    if _per_channel(op.output):
        return 3
    return 2 if _result(op) == "int16" else 1


def recurrent(op: Op) -> int:
    """RNN and its sequences, BIDIRECTIONAL_SEQUENCE_LSTM."""
    if _type(op, 1) == "int8" and _result(op) == "float32":
        return 3 if _attribute(op, "asymmetric_quantize_inputs") else 2
    return 1


def svdf(op: Op) -> int:
    if _hybrid(op):
        return 4 if _attribute(op, "asymmetric_quantize_inputs") else 2
    return 3 if _type(op) == "int8" else 1


def lstm(op: Op) -> int:
    if _attribute(op, "kernel_type") == "BASIC":
        return 2
    if (_type(op), _type(op, 2), _result(op)) == ("int16", "int8", "int16"):
        return 5
    if _hybrid(op, weights=2):
        return 4 if _attribute(op, "asymmetric_quantize_inputs") else 3
    return 1


def unidirectional_sequence_lstm(op: Op) -> int:
    if (_type(op), _type(op, 2), _result(op)) == ("int16", "int8", "int16"):
        return 5
    if _attribute(op, "diagonal_recurrent_tensors"):
        return 4
    if _hybrid(op, weights=2):
        return 3 if _attribute(op, "asymmetric_quantize_inputs") else 2
    return 1
