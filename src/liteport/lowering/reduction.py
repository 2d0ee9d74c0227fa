"""Reductions that TFLite has no operator for, and the functions along one axis that need a whole row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import Size
from liteport.ir.types import DType
from liteport.lowering import basic, math
from liteport.lowering.formula import Term, emit, exp, maximum, minimum, sqrt
from liteport.lowering.math import FLOAT_MAX


def count(x: Term, axes: Sequence[int]) -> int:
    """How many elements a reduction over `axes` takes together."""
    total = 1
    for axis in axes:
        total *= x.value.shape[axis]
    return total


def mean(x: Term, axes: Sequence[int], keep_dims: bool = False) -> Term:
    return x.reduce(ops.Mean, axes, keep_dims)


def variance(x: Term, axes: Sequence[int], correction: float = 1, keep_dims: bool = False) -> tuple[Term, Term]:
    """The variance, of sum / (n - correction), and the mean: in two passes, which keeps what E[x^2] - E[x]^2 loses."""
    middle = mean(x, axes, keep_dims=True)
    squares = emit(ops.SquaredDifference(), x, middle)
    number = count(x, axes)
    if correction == 0 and number:
        spread = mean(squares, axes, keep_dims)
    else:
        freedom = number - int(correction) if isinstance(number, Size) else float(max(number - correction, 0))
        spread = squares.reduce(ops.Sum, axes, keep_dims) / freedom
    return spread, Term(x.b, basic.reshape(x.b, middle.value, spread.value.shape))


def norm(x: Term, order: float, axes: Sequence[int], keep_dims: bool = False) -> Term:
    """sum(|x|**order)**(1 / order), with the limits at infinity and the count of what is not 0 for order 0."""
    if order == 2:
        return sqrt((x * x).reduce(ops.Sum, axes, keep_dims))
    if order == 0:
        return x.differs(0.0).cast(DType.FLOAT32).reduce(ops.Sum, axes, keep_dims)
    size = abs(x)
    if order == 1:
        return size.reduce(ops.Sum, axes, keep_dims)
    if abs(order) == inf:
        return size.reduce(ops.ReduceMax if order > 0 else ops.ReduceMin, axes, keep_dims)
    return math.power(math.power(size, order).reduce(ops.Sum, axes, keep_dims), 1 / order)


def finite_max(x: Term, axes: Sequence[int]) -> Term:
    """The largest element, clamped so that infinite ones are not subtracted from each other."""
    return minimum(maximum(x.reduce(ops.ReduceMax, axes, keep_dims=True), -FLOAT_MAX), FLOAT_MAX)


def logsumexp(x: Term, axes: Sequence[int], keep_dims: bool = False) -> Term:
    """log(sum(exp(x))), shifted by the largest element."""
    largest = finite_max(x, axes)
    total = math.exact_log(exp(x - largest).reduce(ops.Sum, axes, keep_dims))
    return total + Term(x.b, basic.reshape(x.b, largest.value, total.value.shape))


def safe_softmax(x: Term, axes: Sequence[int]) -> Term:
    """Softmax that gives zeros where all of a row is -inf."""
    weights = exp(x - finite_max(x, axes))
    return weights / maximum(weights.reduce(ops.Sum, axes, keep_dims=True), 1e-30)


def along_last(x: Term, axis: int, function: Callable[[Value], Value]) -> Term:
    """`function`, which works along the last axis and keeps the shape, along `axis`."""
    b, value = x.b, x.value
    if value.rank == 0:
        return Term(b, basic.reshape(b, function(basic.reshape(b, value, (1,))), ()))
    perm = [i for i in range(value.rank) if i != axis] + [axis]
    back = [perm.index(i) for i in range(value.rank)]
    return Term(b, basic.transpose(b, function(basic.transpose(b, value, perm)), back))


def softmax(x: Term, axis: int) -> Term:
    return along_last(x, axis, lambda v: x.b.emit(ops.Softmax(), v))


def log_softmax(x: Term, axis: int) -> Term:
    return along_last(x, axis, lambda v: x.b.emit(ops.LogSoftmax(), v))


def place(b: Builder, operator: ops.ArgMax | ops.ArgMin, x: Value, at: int) -> Value:
    """Where the extreme stands along `at`, int64; the first of several."""
    if x.dtype in (
        DType.INT64,
        DType.UINT32,
        DType.UINT64,
    ):  # no kernel: where the first of the extreme's equals stands
        reduce = ops.ReduceMax if isinstance(operator, ops.ArgMax) else ops.ReduceMin
        wider = basic.cast(b, x, DType.INT64)
        x = b.emit(ops.Equal(), wider, basic.reduce(b, reduce, wider, [at], keep_dims=True))
        operator = ops.ArgMax()
    kind = x.dtype if x.dtype.is_float else DType.INT32
    return b.emit(operator, basic.cast(b, x, kind), b.const(at))
