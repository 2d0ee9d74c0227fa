"""Why XNNPACK leaves an operator to LiteRT's built-in kernels: its delegate's own conditions, each checked by a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from liteport.check.partitions import NAMES
from liteport.ir.graph import Op, Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType

MAX_RANK = 6
MAX_JOINED, MAX_PARTS = 5, 4

_FLOATS = (DType.FLOAT32, DType.FLOAT16)
_QUANTISED = (DType.INT8, DType.UINT8)
_PAIRS = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SQUARED_DIFFERENCE", "SUB")
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_REDUCING = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")

# Operators that XNNPACK has for floats only; the others it has for quantised int8 and uint8 as well.
_FLOAT_ONLY = {
    *("ABS", "CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE"),
    *("GELU", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1", "AVERAGE_POOL_2D", "SOFTMAX"),
    *("DIV", "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE"),
}

# Which operands are data, where it is not the first alone.
_DATA: Mapping[str, slice] = {
    **dict.fromkeys((*_PAIRS, "BATCH_MATMUL"), slice(2)),
    "CONCATENATION": slice(None),
    "SPLIT": slice(1, 2),
    "TRANSPOSE_CONV": slice(2, 3),
}
# Which operands have to be constants.
_CONSTANT: Mapping[str, Mapping[int, str]] = {
    **{name: {1: "weights", 2: "bias"} for name in _WEIGHTED},
    **{name: {1: "axes"} for name in _REDUCING},
    "EXPAND_DIMS": {1: "axis"},
    "PAD": {1: "padding"},
    "RESHAPE": {1: "shape"},
    "RESIZE_BILINEAR": {1: "size"},
    "SLICE": {1: "begin", 2: "size"},
    "SPLIT": {0: "axis"},
    "STRIDED_SLICE": {1: "begin", 2: "end", 3: "strides"},
    "TRANSPOSE": {1: "permutation"},
    "TRANSPOSE_CONV": {0: "output shape", 1: "weights", 3: "bias"},
}


def reason(op: Op) -> str:
    """Why `op` is not in XNNPACK, which did not take it; what is known of the delegate's conditions, at least."""
    return next(_reasons(op), "XNNPACK declined it")


def _reasons(op: Op) -> Iterator[str]:
    if op.name not in NAMES:
        yield "XNNPACK has no such operator"
        return
    values = [*_data(op), *op.outputs]
    yield from _types(op, values)
    yield from (f"its {name} must be constant" for name in _computed(op))
    if check := _CHECKS.get(op.name):
        yield from check(op)
    if any(value.rank > MAX_RANK for value in values):
        yield f"XNNPACK has at most {MAX_RANK} dimensions"
    if not all(is_fixed(value.shape) and -1 not in _signature(value) for value in values):
        yield "a size in it is only known when the model runs"


def _data(op: Op) -> list[Value]:
    chosen = op.inputs[_DATA.get(op.name, slice(1))]
    return [value for value in chosen if value is not None]


def _types(op: Op, values: list[Value]) -> Iterator[str]:
    if op.name in ("QUANTIZE", "DEQUANTIZE"):
        return
    taken = _FLOATS if op.name in _FLOAT_ONLY else _FLOATS + _QUANTISED
    for value in values:
        if value.dtype not in taken or (value.dtype in _QUANTISED and value.quantization is None):
            kinds = "floats" if taken is _FLOATS else "floats and quantised int8 and uint8"
            yield f"XNNPACK has it for {kinds} only, not {value.dtype.name.lower()}"


def _computed(op: Op) -> Iterator[str]:
    for index, name in _CONSTANT.get(op.name, {}).items():
        value = op.optional(index)
        if value is not None and not value.is_const:
            yield name


def _signature(value: Value) -> tuple[int, ...]:
    """The shape with -1 for sizes that the file leaves open."""
    found: tuple[int, ...] = value.extra.get("shape_signature", ())
    return found


def _join(op: Op) -> Iterator[str]:
    if len(op.inputs) > MAX_JOINED:
        yield f"XNNPACK joins at most {MAX_JOINED} tensors, this joins {len(op.inputs)}"
    if len(op.inputs) < 2:
        yield "XNNPACK joins at least 2 tensors"


def _parts(op: Op) -> Iterator[str]:
    if len(op.outputs) > MAX_PARTS:
        yield f"XNNPACK splits into at most {MAX_PARTS} parts, this into {len(op.outputs)}"


def _pool(op: Op) -> Iterator[str]:
    pool: Any = op.operator
    if any(step > size for step, size in zip(pool.stride, pool.filter, strict=True)):
        yield "its stride is larger than its window"


def _softmax(op: Op) -> Iterator[str]:
    operator: Any = op.operator
    if operator.beta != 1:
        yield f"its beta is {operator.beta:g}, XNNPACK's is 1"


def _strided(op: Op) -> Iterator[str]:
    operator: Any = op.operator
    strides = op.optional(3)
    if strides is not None and strides.is_const and any(step != 1 for step in strides.array.flat):
        yield f"it takes steps of {max(strides.array.flat, key=abs)}, XNNPACK of 1 only"
    if operator.shrink_axis_mask or operator.new_axis_mask or operator.ellipsis_mask:
        yield "it adds or drops dimensions"


def _product(op: Op) -> Iterator[str]:
    if min(value.rank for value in _data(op)) < 2:
        yield "XNNPACK multiplies tensors of 2 dimensions or more"


def _empty(op: Op) -> Iterator[str]:
    if not all(op.output.shape):
        yield "its result has no elements"


_CHECKS: Mapping[str, Callable[[Op], Iterator[str]]] = {
    "AVERAGE_POOL_2D": _pool,
    "BATCH_MATMUL": _product,
    "CONCATENATION": _join,
    "MAX_POOL_2D": _pool,
    "SLICE": _empty,
    "SOFTMAX": _softmax,
    "SPLIT": _parts,
    "STRIDED_SLICE": _strided,
}
