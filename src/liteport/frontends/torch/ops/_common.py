"""What every family of PyTorch lowerings needs: type promotion, alignment of ranks, axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import Term, emit
from liteport.lowering.operands import align, axis, convert, wide

Scalar = bool | int | float
Operand = Value | Scalar

# What torch.result_type makes of Python scalars, as liteport carries it (a float stays FLOAT32 here).
_SCALAR_TYPES = {bool: DType.BOOL, int: DType.INT64, float: DType.FLOAT32}


def promote(*operands: Operand) -> DType:
    """The type in which PyTorch computes on these tensors and Python scalars (torch.result_type).

    Tensors with dimensions decide; 0-d tensors, and scalars after them, only count where they are of a
    higher kind (bool < integers < floats).
    """
    ranked = [v.dtype for v in operands if isinstance(v, Value) and v.rank]
    zero_d = [v.dtype for v in operands if isinstance(v, Value) and not v.rank]
    scalars = [_SCALAR_TYPES[type(v)] for v in operands if not isinstance(v, Value)]
    out: DType | None = None
    for level in (ranked, zero_d, scalars):
        lower = _wider(level)
        if out is None or (lower is not None and _kind(lower) > _kind(out)):
            out = lower
    if out is None:
        raise ValueError("promote() needs an operand")
    return out


def _kind(dtype: DType) -> int:
    return 0 if dtype is DType.BOOL else 2 if dtype.is_float else 1


def _wider(dtypes: Iterable[DType]) -> DType | None:
    """torch.promote_types over all of `dtypes`."""
    out: DType | None = None
    for dtype in dtypes:
        if out is None or _kind(dtype) > _kind(out):
            out = dtype
        elif _kind(dtype) == 1 and _kind(out) == 1 and dtype is not out:
            mixed_signs = DType.UINT8 in (dtype, out)
            widest = max(dtype.bits, out.bits)
            out = DType.INT16 if mixed_signs and widest == 8 else DType(f"i{widest // 8}")
    return out


def operand(b: Builder, x: Operand, dtype: DType) -> Value:
    """A tensor converted to `dtype`, or a Python scalar as a 0-d constant of it."""
    return convert(b, x, dtype) if isinstance(x, Value) else basic.scalar(b, x, dtype)


def operands(b: Builder, *xs: Operand, dtype: DType | None = None) -> tuple[Value, ...]:
    """The operands of a broadcasting operator, in one type (`dtype`, or what `promote` says) and aligned."""
    kind = dtype or promote(*xs)
    return align(b, [operand(b, x, kind) for x in xs])


def terms(b: Builder, *xs: Operand, dtype: DType | None = None) -> list[Term]:
    """`operands` for a formula."""
    return [Term(b, v) for v in operands(b, *xs, dtype=dtype)]


def computed(function: Callable[..., Term], tensors: int = 1) -> Lowering:
    """The lowering by a formula of `tensors` Terms (in PyTorch's result type) and further arguments as they come."""

    def lowering(b: TorchBuilder, *args: Any, **kwargs: Any) -> Value:
        dtype = wide(b.result.dtype)
        operands = terms(b, *args[:tensors], dtype=dtype)
        return convert(b, function(*operands, *args[tensors:], **kwargs).value, b.result.dtype)

    return lowering


def single(operator: ops.Operator, tensors: int = 1) -> Lowering:
    """The lowering by one operator."""
    return computed(lambda *operands: emit(operator, *operands), tensors)


def aliases(table: Table, names: Mapping[Any, Any]) -> Table:
    """Rows for other names of operators in `table`, each overload as that of its twin."""
    rows: Table = {}
    for name, twin in names.items():
        for overload in set(name.overloads()) & set(twin.overloads()):
            if (lowering := table.get(getattr(twin, overload))) is not None:
                rows[getattr(name, overload)] = lowering
    return rows


def axes(dim: int | Sequence[int] | None, rank: int) -> list[int]:
    """The dimensions that a reduction runs over, sorted: None and an empty list mean all of them, 0-d has none."""
    if rank == 0:
        return []
    if dim is None or (not isinstance(dim, int) and not dim):
        return list(range(rank))
    return sorted(axis(d, rank) for d in ([dim] if isinstance(dim, int) else dim))
