"""Which operations are quantised, and why not the others."""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.types import DType
from liteport.passes.weights import WEIGHTED, WEIGHTS

LEAST = 1024
"""Constants of fewer elements stay as they are: they save nothing, as in TensorFlow's converter."""

# What has kernels that take float activations and int8 weights.
_DYNAMIC = (ops.FullyConnected, ops.Conv2D, ops.TransposeConv, ops.BatchMatmul, ops.EmbeddingLookup)


def dynamic(op: Op) -> str | None:
    """Why the weights of an operation stay float; "" where they do not, None where it has none."""
    large = [v for v in op.inputs if v is not None and _is_large(v)]
    weighted = type(op.operator) in WEIGHTED or isinstance(op.operator, ops.EmbeddingLookup)
    weights = op.optional(WEIGHTS)
    if weighted and weights is not None and not weights.is_const:
        return "its weights are computed"
    if weighted and not large:
        return f"it has fewer than {LEAST:,} weights"
    if not large:
        return None
    if isinstance(op.operator, ops.DepthwiseConv2D):
        return "its kernel is faster on floats"
    if not isinstance(op.operator, _DYNAMIC) or weights not in large:
        return "there is no kernel for it with int8 weights"
    return ""


def _is_large(value: Value) -> bool:
    return value.is_const and value.dtype is DType.FLOAT32 and not value.has_sizes and value.type.size >= LEAST
