"""Operands made ready: the type to compute in, ranks that broadcast, axes counted from the front."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic


def wide(dtype: DType) -> DType:
    """The type to compute in: LiteRT's kernels take 8 and 16 bit integers for quantised numbers (some crash), and few
    take unsigned ones."""
    if dtype.is_int and dtype.bits < 32:
        return DType.INT32
    return DType.INT64 if dtype in (DType.UINT32, DType.UINT64) else dtype


def convert(b: Builder, x: Value, dtype: DType) -> Value:
    """x as `dtype`: floats truncate, integers wrap, anything but zero is true."""
    if DType.UINT64 in (x.dtype, dtype) and x.dtype is not dtype:  # CAST has no kernel for it
        bits = b.emit(ops.Bitcast(to=DType.INT64), x) if x.dtype is DType.UINT64 else basic.cast(b, x, DType.INT64)
        return b.emit(ops.Bitcast(to=DType.UINT64), bits) if dtype is DType.UINT64 else basic.cast(b, bits, dtype)
    if x.dtype.is_float and wide(dtype) is not dtype:
        x = basic.cast(b, x, wide(dtype))  # CAST from floats would saturate
    return basic.cast(b, x, dtype)


def align(b: Builder, values: Sequence[Value]) -> tuple[Value, ...]:
    """`values` ready to broadcast: computed ones of a lower rank are reshaped to the highest rank.

    Constants and single elements broadcast as they are.
    """
    rank = max(v.rank for v in values)
    return tuple(
        v if v.is_const or v.rank == rank or v.type.size == 1 else basic.reshape(b, v, (1,) * (rank - v.rank) + v.shape)
        for v in values
    )


def axis(dim: int, rank: int) -> int:
    """`dim` counted from the front. A value without dimensions counts as one with one dimension."""
    return dim % max(rank, 1)
