"""Reductions, running sums, the places of extremes, and sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table, axis_of, known, numbers
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, joining, math, order, reduction, scan
from liteport.lowering.formula import Term
from liteport.lowering.operands import convert, wide

Axes = Sequence[int]
Reduce = Callable[[Term, Axes, bool], Term]


def reducing(function: Reduce) -> Lowering:
    """The lowering of `op(data, axes, keepdims=1, noop_with_empty_axes=0)`; the axes were an attribute at first."""

    def lowering(
        b: OnnxBuilder,
        x: Value,
        at: Value | None = None,
        *,
        axes: Axes | None = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Value:
        given = numbers(at, axes, "axes")
        if not given and noop_with_empty_axes:
            given = []
        elif not given:
            given = list(range(x.rank))
        over = sorted({axis_of(a, x.rank) for a in given}) if x.rank else []
        return convert(b, function(Term(b, convert(b, x, wide(x.dtype))), over, bool(keepdims)).value, x.dtype)

    return lowering


def by(operator: type[ops.Reduction], of_bools: type[ops.Reduction] | None = None) -> Reduce:
    """The reduction by one operator."""

    def function(x: Term, axes: Axes, keep: bool) -> Term:
        chosen = of_bools if of_bools and x.value.dtype is DType.BOOL else operator
        return x.reduce(chosen, axes, keep)

    return function


def norm(degree: float) -> Reduce:
    """The reduction to a norm; integers are computed as floats."""

    def function(x: Term, axes: Axes, keep: bool) -> Term:
        return reduction.norm(x.cast(DType.FLOAT32), degree, axes, keep)

    return function


def log_sum(x: Term, axes: Axes, keep: bool) -> Term:
    """ReduceLogSum"""
    return math.exact_log(x.cast(DType.FLOAT32).reduce(ops.Sum, axes, keep))


def log_sum_exp(x: Term, axes: Axes, keep: bool) -> Term:
    """ReduceLogSumExp"""
    return reduction.logsumexp(x.cast(DType.FLOAT32), axes, keep)


def arg(operator: ops.ArgMax | ops.ArgMin) -> Lowering:
    """The lowering of `ArgMax(data, axis=0, keepdims=1, select_last_index=0)`, or ArgMin."""

    def lowering(b: OnnxBuilder, x: Value, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Value:
        at = axis_of(axis, x.rank)
        if select_last_index:
            last = reduction.place(b, operator, joining.flip(b, x, [at]), at)
            place = (x.shape[at] - 1 - Term(b, last)).value
        else:
            place = reduction.place(b, operator, x, at)
        return basic.unsqueeze(b, place, at) if keepdims else place

    return lowering


def cumulative_sum(b: OnnxBuilder, x: Value, at: Value, *, exclusive: int = 0, reverse: int = 0) -> Value:
    """CumSum(x, axis, exclusive=0, reverse=0)"""
    axis = axis_of(int(known(at, "an axis").reshape(-1)[0]), x.rank)
    kind = wide(x.dtype)
    return convert(
        b,
        b.emit(ops.Cumsum(exclusive=bool(exclusive), reverse=bool(reverse)), convert(b, x, kind), b.const(axis)),
        x.dtype,
    )


def cumulative_product(b: OnnxBuilder, x: Value, at: Value, *, exclusive: int = 0, reverse: int = 0) -> Value:
    """CumProd(x, axis, exclusive=0, reverse=0)"""
    axis = axis_of(int(known(at, "an axis").reshape(-1)[0]), x.rank)
    value = convert(b, x, wide(x.dtype))
    if reverse:
        value = joining.flip(b, value, [axis])
    if exclusive:
        pads = [(1, 0) if i == axis else (0, 0) for i in range(x.rank)]
        value = basic.narrow(b, basic.pad(b, value, pads, 1), axis, 0, x.shape[axis])
    value = scan.scan(Term(b, value), axis, lambda earlier, later: earlier * later, 1).value
    return convert(b, joining.flip(b, value, [axis]) if reverse else value, x.dtype)


def top_k(
    b: OnnxBuilder,
    x: Value,
    count: Value | None = None,
    *,
    axis: int = -1,
    largest: int = 1,
    sorted: int = 1,
    k: int | None = None,
) -> tuple[Value, Value]:
    """TopK(X, K, axis=-1, largest=1, sorted=1); K is an attribute before opset 10."""
    number = k if count is None else known(count, "a count of the largest").reshape(-1).tolist()[0]
    if number is None:
        raise UnsupportedError("how many of the largest is not said")
    kind = wide(x.dtype)
    found, places = order.top_k(b, convert(b, x, kind), number, axis_of(axis, x.rank), largest=bool(largest))
    return convert(b, found, x.dtype), places


LOWERINGS: Table = {
    ("", "ReduceSum"): reducing(by(ops.Sum)),
    ("", "ReduceMean"): reducing(by(ops.Mean)),
    ("", "ReduceMax"): reducing(by(ops.ReduceMax, ops.ReduceAny)),
    ("", "ReduceMin"): reducing(by(ops.ReduceMin, ops.ReduceAll)),
    ("", "ReduceProd"): reducing(by(ops.ReduceProd)),
    ("", "ReduceL1"): reducing(norm(1)),
    ("", "ReduceL2"): reducing(norm(2)),
    ("", "ReduceSumSquare"): reducing(lambda x, axes, keep: (x * x).reduce(ops.Sum, axes, keep)),
    ("", "ReduceLogSum"): reducing(log_sum),
    ("", "ReduceLogSumExp"): reducing(log_sum_exp),
    ("", "ArgMax"): arg(ops.ArgMax()),
    ("", "ArgMin"): arg(ops.ArgMin()),
    ("", "CumSum"): cumulative_sum,
    ("", "CumProd"): cumulative_product,
    ("", "TopK"): top_k,
}
