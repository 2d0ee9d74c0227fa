"""Which parts of its operands an operation needs for a part of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import cast

from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Elementwise, Operator, Reduction
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Shape

Cuts = Mapping[int, tuple[int, int]]
"""A part of a value: dimension -> (first, length). The dimensions that are not named are whole."""

_WHOLE: Cuts = {}


def cuts_of(op: Op) -> Cuts | None:
    """The part that a slice takes; None where that depends on sizes."""
    begin, whole, part = op.operand(1), op.input.shape, op.output.shape
    cut = [axis for axis in range(len(whole)) if part[axis] != whole[axis]]
    fixed = is_fixed(d for axis in cut for d in (whole[axis], part[axis]))
    if not begin.is_const or begin.has_sizes or not fixed:
        return None
    return {axis: (int(begin.array[axis]), part[axis]) for axis in cut}


def part_shape(whole: Shape, cuts: Cuts) -> Shape:
    """The shape of a part of a value of shape `whole`."""
    return tuple(cuts[axis][1] if axis in cuts else d for axis, d in enumerate(whole))


def operand_parts(op: Op, cuts: Cuts) -> list[Cuts] | None:
    """For each operand of `op` the part that makes the part `cuts` of its one result, by the same operator (a reshape
    to the part's shape); None where the operator cannot make that part alone."""
    if isinstance(op.operator, Elementwise):
        return _elementwise(op, cuts)
    if isinstance(op.operator, Reduction):
        return _reduction(op, cuts)
    rule = _PARTS.get(type(op.operator))
    return rule(op, cuts) if rule is not None else None


def _elementwise(op: Op, cuts: Cuts) -> list[Cuts] | None:
    if isinstance(op.operator, ops.Bitcast):
        return None
    return [_WHOLE if v is None else _broadcast(op, v, v.rank, cuts) for v in op.inputs]


def _broadcast(op: Op, value: Value, rank: int, cuts: Cuts) -> dict[int, tuple[int, int]]:
    """What of an operand broadcasts to a part of the result, in the operand's dimensions before `rank`."""
    moved = {axis - op.output.rank + value.rank: cut for axis, cut in cuts.items()}
    return {axis: cut for axis, cut in moved.items() if 0 <= axis < rank and value.shape[axis] != 1}


def _reduction(op: Op, cuts: Cuts) -> list[Cuts] | None:
    axes, rank = op.operand(1), op.input.rank
    if not axes.is_const:
        return None
    reduced = {int(axis) % rank for axis in axes.array.reshape(-1)}
    kept = range(rank) if op.output.rank == rank else [axis for axis in range(rank) if axis not in reduced]
    return [{kept[axis]: cut for axis, cut in cuts.items()}, _WHOLE]


def _along_rows(op: Op, cuts: Cuts) -> list[Cuts] | None:
    return None if op.output.rank - 1 in cuts else [cuts]


def _linear(op: Op, cuts: Cuts) -> list[Cuts] | None:
    """Rows of the data; for some of the channels, rows of the weights."""
    last = op.output.rank - 1
    rows: Cuts = {axis: cut for axis, cut in cuts.items() if axis != last}
    channels: Cuts = {0: cuts[last]} if last in cuts else {}
    if op.input.rank != op.output.rank or (channels and not op.operand(1).is_const):
        return None
    return [rows, channels, channels][: len(op.inputs)]


def _matmul(op: Op, cuts: Cuts) -> list[Cuts] | None:
    """Rows of x, columns of y."""
    matmul, x, y = cast(ops.BatchMatmul, op.operator), op.operand(0), op.operand(1)
    left, right = _broadcast(op, x, x.rank - 2, cuts), _broadcast(op, y, y.rank - 2, cuts)
    rows, columns = op.output.rank - 2, op.output.rank - 1
    if rows in cuts:
        left[x.rank - (1 if matmul.adj_x else 2)] = cuts[rows]
    if columns in cuts:
        right[y.rank - (2 if matmul.adj_y else 1)] = cuts[columns]
    return [left, right]


def _transpose(op: Op, cuts: Cuts) -> list[Cuts] | None:
    order = op.operand(1)
    return [{int(order.array[axis]): cut for axis, cut in cuts.items()}, _WHOLE] if order.is_const else None


def _reshape(op: Op, cuts: Cuts) -> list[Cuts] | None:
    """Dimensions that the reshape leaves as they are, with as many elements before them."""
    before, after = op.input.shape, op.output.shape
    found = {}
    for axis, cut in cuts.items():
        lead = prod(after[:axis])
        same = [i for i, d in enumerate(before) if d == after[axis] and prod(before[:i]) == lead]
        if not same:
            return None
        found[same[0]] = cut
    return [found, *[_WHOLE] * (len(op.inputs) - 1)]


def _concatenation(op: Op, cuts: Cuts) -> list[Cuts] | None:
    axis = cast(ops.Concatenation, op.operator).axis % op.output.rank
    return None if axis in cuts else [cuts] * len(op.inputs)


_PARTS: dict[type[Operator], Callable[[Op, Cuts], list[Cuts] | None]] = {
    ops.Softmax: _along_rows,
    ops.LogSoftmax: _along_rows,
    ops.FullyConnected: _linear,
    ops.BatchMatmul: _matmul,
    ops.Transpose: _transpose,
    ops.Reshape: _reshape,
    ops.Concatenation: _concatenation,
}


def origin(op: Op, cuts: Cuts) -> tuple[Value | None, Cuts] | None:
    """Where a part of the result of an operation that moves elements stands already: a part of an operand, or zeros
    (None); None where it stands in no one place."""
    rule = _ORIGINS.get(type(op.operator))
    return rule(op, cuts) if rule is not None else None


def _in_slice(op: Op, cuts: Cuts) -> tuple[Value | None, Cuts] | None:
    own = cuts_of(op)
    if own is None:
        return None
    inner = {axis: (own.get(axis, (0, 0))[0] + first, length) for axis, (first, length) in cuts.items()}
    return op.input, {**own, **inner}


def _in_concatenation(op: Op, cuts: Cuts) -> tuple[Value | None, Cuts] | None:
    axis, at = cast(ops.Concatenation, op.operator).axis % op.output.rank, 0
    if axis not in cuts or not is_fixed(v.shape[axis] for v in op.inputs if v is not None):
        return None
    first, length = cuts[axis]
    for index in range(len(op.inputs)):
        part = op.operand(index)
        if at <= first and first + length <= at + part.shape[axis]:
            return part, _without_whole(part, {**cuts, axis: (first - at, length)})
        at += part.shape[axis]
    return None


def _in_pad(op: Op, cuts: Cuts) -> tuple[Value | None, Cuts] | None:
    pads, x = op.operand(1), op.input
    if not pads.is_const or pads.has_sizes or not is_fixed(x.shape[axis] for axis in cuts):
        return None
    before = [int(n) for n in pads.array.reshape(-1, 2)[:, 0]]
    inner = {axis: (first - before[axis], length) for axis, (first, length) in cuts.items()}
    if any(first + length <= 0 or first >= x.shape[axis] for axis, (first, length) in inner.items()):
        return None, cuts
    padded = {axis for axis in range(x.rank) if x.shape[axis] != op.output.shape[axis]}
    if padded - set(cuts) or any(first < 0 or first + n > x.shape[axis] for axis, (first, n) in inner.items()):
        return None
    return x, _without_whole(x, inner)


def _without_whole(value: Value, cuts: Cuts) -> Cuts:
    return {axis: cut for axis, cut in cuts.items() if cut != (0, value.shape[axis])}


_ORIGINS: dict[type[Operator], Callable[[Op, Cuts], tuple[Value | None, Cuts] | None]] = {
    ops.Slice: _in_slice,
    ops.Concatenation: _in_concatenation,
    ops.Pad: _in_pad,
}
