"""Quantised numbers and what they stand for, (number - zero point) * scale: one of both for a tensor, or one for each
element along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import Array, DType, Quantization


def quantized(b: Builder, x: Value, dtype: DType, stored: Quantization) -> Value:
    """x as quantised numbers."""
    numbers = b.emit(ops.Quantize(to=dtype), x)
    numbers.quantization = stored
    return numbers


def real(b: Builder, numbers: Array, stored: Quantization, name: str = "") -> Value:
    """What known numbers stand for: constants that say on which grid they lie, so that kernels can take the numbers."""
    exact = np.float32 if numbers.dtype.kind == "f" else np.int32
    step, start = (
        np.asarray(each, kind).reshape(spread(len(each), stored.axis, numbers.ndim))
        for each, kind in ((stored.scale, np.float32), (stored.zero_point, exact))
    )
    value = b.const((numbers.astype(exact) - start).astype(np.float32) * step, name=name)
    value.quantization = stored
    return value


def spread(count: int, axis: int, rank: int) -> Sequence[int]:
    """The shape in which `count` scales or zero points stand in the place of the elements that they are for."""
    return [count if i == axis else 1 for i in range(rank)] if count > 1 else ()
