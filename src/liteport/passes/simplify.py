"""simplify: data movement that moves nothing, or that two steps do in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Activation, Arithmetic, Elementwise, Operator, Reduction, broadcast
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, Shape
from liteport.lowering.basic import reshape, slice_, transpose
from liteport.passes.base import Pass
from liteport.passes.common import permutation
from liteport.passes.layout.orders import compose, identity
from liteport.passes.moves import Movement, above

# FULLY_CONNECTED stops here (see lowering/matmul.py).
_LINEAR_RANK = 5

# Elementwise operators whose kernels do not broadcast.
NO_BROADCAST = (ops.AddN, ops.Atan2, ops.Prelu, ops.Select)


@dataclass(frozen=True)
class Simplify(Pass):
    """Each rule of RULES says what it replaces; the value that it returns takes the operation's place."""

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            rule = RULES.get(type(op.operator))
            new = rule(graph, op) if rule is not None and op.outputs else None
            if new is not None and _may_replace(graph, op, new):
                graph.replace(op, new)
                changed = True
        for op in graph.ops:
            if isinstance(op.operator, Elementwise) and not isinstance(op.operator, NO_BROADCAST):
                changed |= _skip_broadcasts(graph, op)
        return changed


def _may_replace(graph: Graph, op: Op, new: Value) -> bool:
    """A graph output must stay a result of its own: not an input, a constant, or another output."""
    if new.type != op.output.type:
        return False
    return not graph.is_output(op.output) or (new.producer is not None and not graph.is_output(new))


def _reshape(graph: Graph, op: Op) -> Value | None:
    """reshape(x) to x's own shape => x;  reshape(reshape(x)) => reshape(x);  reshape(mean(x)) => mean(x);
    reshape(transpose(reshape(x))) => transpose(x), where dimensions are only merged or dropped for a while, and
    reshape(x), where only dimensions of 1 are transposed;
    reshape(concat(x, y)) => concat(x, y) along the dimension that the joined one becomes part of"""
    if op.output.shape == op.input.shape:
        return op.input
    first = op.input.producer
    if first is not None and isinstance(first.operator, Reduction):
        return _keep_dims(graph, op, first)
    if first is not None and isinstance(first.operator, ops.Transpose):
        return _straight(graph, op)
    if first is not None and isinstance(first.operator, ops.Concatenation):
        return _joined(graph, op, first, first.operator.axis % op.input.rank)
    if first is None or not isinstance(first.operator, ops.Reshape | ops.Squeeze | ops.ExpandDims):
        return None
    if first.input.shape == op.output.shape:
        return first.input
    return reshape(Builder(graph, op), first.input, op.output.shape)


def _joined(graph: Graph, op: Op, joined: Op, axis: int) -> Value | None:
    """The concatenation along a dimension of the reshape's result, where its parts need no reshape for that."""
    whole, target = joined.output.shape, op.output.shape
    users = joined.output.users
    if graph.is_output(joined.output) or not all(isinstance(user.operator, ops.Reshape) for user in users):
        return None
    if not is_fixed((*whole, *target)) or not joined.output.type.size or len(target) > ops.Concatenation.max_rank:
        return None
    new = next((i for i in range(len(target)) if prod(target[:i]) == prod(whole[:axis]) and target[i] != 1), None)
    if new is None:
        return None
    parts = []
    for part in joined.inputs:
        assert part is not None
        length, rest = divmod(part.type.size, prod(target[:new]) * prod(target[new + 1 :]))
        shape = (*target[:new], length, *target[new + 1 :])
        origin = part.producer.input if part.producer and isinstance(part.producer.operator, ops.Reshape) else part
        if rest or shape not in (part.shape, origin.shape):
            return None
        parts.append(part if part.shape == shape else origin)
    result = Builder(graph, joined).emit(replace(cast(ops.Concatenation, joined.operator), axis=new), *parts)
    for user in users:
        graph.set_input(user, 0, result)
    return result


def _straight(graph: Graph, op: Op) -> Value | None:
    """The movements that end in this reshape, three of them or more, as one transpose, or as one reshape where only
    dimensions of 1 are moved."""
    chain = above(graph, op.output)
    for first in range(len(chain) - 2):
        source = chain[first].input
        found = Movement.along(chain[first:], source.shape)
        if found is not None and not found.moves:
            return reshape(Builder(graph, op), source, op.output.shape)
        whole = found.whole(source.shape) if found is not None else None
        if whole is not None:
            return whole.emit(Builder(graph, op), source)
    return None


def _keep_dims(graph: Graph, op: Op, first: Op) -> Value | None:
    """The reduction with its dimensions kept or dropped, where the reshape does no more than that."""
    if not first.operand(1).is_const or graph.sole_user(first.output) is None:
        return None
    reduction = cast(Reduction, first.operator)
    other = replace(reduction, keep_dims=not reduction.keep_dims)
    if other.infer(*first.inputs)[0].shape != op.output.shape:
        return None
    return Builder(graph, op).emit(other, *first.inputs)


def _transpose(graph: Graph, op: Op) -> Value | None:
    """transpose by the identity => x;  transpose(transpose(x)) => transpose(x)"""
    perm = permutation(op)
    if perm is None:
        return None
    if perm == identity(len(perm)):
        return op.input
    first = op.input.producer
    inner = permutation(first)
    if first is None or inner is None:
        return None
    both = compose(inner, perm)
    if both == identity(len(both)):
        return first.input
    return transpose(Builder(graph, op), first.input, both)


def _matmul(graph: Graph, op: Op) -> Value | None:
    """batch_matmul(x, constant matrix) => linear(x);  batch_matmul(x, transpose(y)) => batch_matmul(x, transpose(y),
    adjoint), where y's rows then stay whole, also where y is scaled between the two;
    batch_matmul(x * a, y * b) => batch_matmul(x * ab, y), a and b being numbers"""
    matmul, y = cast(ops.BatchMatmul, op.operator), op.operand(1)
    if y.is_const:
        return _linear(graph, op, matmul)
    if (scaled := _scaled_once(graph, op, matmul)) is not None:
        return scaled
    scaling = y.producer if y.producer is not None and graph.sole_user(y) is op else None
    factor = _scalar(scaling) if scaling is not None else None
    moved = scaling.input if scaling is not None and factor is not None else y
    b = Builder(graph, op)
    rows = _turned(b, graph, moved)
    if rows is None:
        return None
    if scaling is not None and factor is not None:
        rows = b.emit(scaling.operator, rows, factor)
    return b.emit(replace(matmul, adj_y=not matmul.adj_y), op.input, rows)


def _turned(b: Builder, graph: Graph, y: Value) -> Value | None:
    """y with its last two dimensions changed, where a transpose that makes y then keeps its rows whole, or is gone;
    what only cuts or joins the dimensions in front of those comes after it."""
    maker = y.producer
    perm = permutation(maker)
    if maker is not None and perm is not None:
        turned = (*perm[:-2], perm[-1], perm[-2])
        return transpose(b, maker.input, turned) if perm[-2] == len(perm) - 1 else None
    if maker is None or graph.sole_user(y) is None:
        return None
    batched = isinstance(maker.operator, ops.Reshape) and maker.input.shape[-2:] == y.shape[-2:]
    inner = _turned(b, graph, maker.input) if batched else None
    if inner is not None:
        return reshape(b, inner, (*y.shape[:-2], y.shape[-1], y.shape[-2]))
    chain = above(graph, y)
    found = Movement.along(chain, chain[0].input.shape) if len(chain) > 1 else None
    last = found.transposed([*range(y.rank - 2), y.rank - 1, y.rank - 2]) if found is not None and found.moves else None
    return reshape(b, chain[0].input, last.target) if last is not None and not last.moves else None


def _scaled_once(graph: Graph, op: Op, matmul: ops.BatchMatmul) -> Value | None:
    """The product with the numbers that both operands are multiplied with as one."""
    left, right = op.input.producer, op.operand(1).producer
    if left is None or right is None or graph.sole_user(op.input) is not op or graph.sole_user(op.operand(1)) is not op:
        return None
    one, other = _scalar(left), _scalar(right)
    if one is None or other is None or one.dtype is not DType.FLOAT32:
        return None
    b = Builder(graph, op)
    both = np.float64(one.array.reshape(())) * np.float64(other.array.reshape(()))
    scaled = b.emit(left.operator, left.input, b.const(np.float32(both)))
    return b.emit(matmul, scaled, right.input)


def _scalar(op: Op) -> Value | None:
    """The one number that the first operand is multiplied with."""
    other = op.operand(1) if isinstance(op.operator, ops.Mul) else None
    return other if other is not None and other.is_const and other.type.size == 1 else None


def _linear(graph: Graph, op: Op, matmul: ops.BatchMatmul) -> Value | None:
    """The product with one constant matrix for the whole batch as a linear layer, which other passes know."""
    x, y = op.input, op.operand(1)
    plain = x.dtype is DType.FLOAT32 and x.quantization is None and y.quantization is None
    if not plain or x.is_const or matmul.adj_x or y.rank > x.rank or x.rank > _LINEAR_RANK:
        return None
    if y.type.size != y.shape[-1] * y.shape[-2]:
        return None
    matrix = y.array.reshape(y.shape[-2:])
    weights = constant(matrix if matmul.adj_y else matrix.T, y.name)
    return Builder(graph, op).emit(ops.FullyConnected(keep_num_dims=True), x, weights, None)


def _cast(graph: Graph, op: Op) -> Value | None:
    """cast(x) to x's own type => x;  cast(cast(x)) back, where the way there lost nothing => x"""
    if op.output.dtype is op.input.dtype:
        return op.input
    first = op.input.producer
    if first is None or not isinstance(first.operator, ops.Cast):
        return None
    if first.input.dtype is op.output.dtype and _widens(first):
        return first.input
    return None


def _widens(op: Op) -> bool:
    """Whether every value of the operand's type survives the cast."""
    return bool(np.can_cast(op.input.dtype.numpy, op.output.dtype.numpy, "safe")) and not op.input.dtype.is_raw


def _slice(graph: Graph, op: Op) -> Value | None:
    """A slice of x's own shape => x;  a slice of concatenation(x, y) that lies within x => a slice of x"""
    if op.output.shape == op.input.shape:
        return op.input
    joined, begin = op.input.producer, op.operand(1)
    if joined is None or not isinstance(joined.operator, ops.Concatenation) or not begin.is_const or begin.has_sizes:
        return None
    axis = joined.operator.axis % op.output.rank
    starts, at = [int(i) for i in begin.array], 0
    for part in joined.inputs:
        if part is None or not is_fixed((part.shape[axis], op.output.shape[axis])):
            return None
        offset = starts[axis] - at
        if offset >= 0 and offset + op.output.shape[axis] <= part.shape[axis]:
            starts[axis] = offset
            return slice_(Builder(graph, op), part, starts, op.output.shape)
        at += part.shape[axis]
    return None


def _strided_slice(graph: Graph, op: Op) -> Value | None:
    """strided_slice(x) in steps of one => slice(x)"""
    strided, numbers = cast(ops.StridedSlice, op.operator), [op.operand(i) for i in (1, 2, 3)]
    if strided.ellipsis_mask or strided.new_axis_mask or strided.shrink_axis_mask or not is_fixed(op.input.shape):
        return None
    if any(not v.is_const or v.has_sizes for v in numbers) or bool((numbers[2].array != 1).any()):
        return None
    begin = [0 if strided.begin_mask >> i & 1 else int(n) for i, n in enumerate(numbers[0].array)]
    begin += [0] * (op.input.rank - len(begin))
    starts = [max(0, n + d) if n < 0 else min(n, d) for n, d in zip(begin, op.input.shape, strict=True)]
    return slice_(Builder(graph, op), op.input, starts, op.output.shape)


def _same_shape(graph: Graph, op: Op) -> Value | None:
    """A slice, tile, pad or broadcast that gives its operand's own shape is its operand."""
    return op.input if op.output.shape == op.input.shape else None


def _pad(graph: Graph, op: Op) -> Value | None:
    """A pad by nothing => its operand;  pad(slice(x) * y), of zeros where the slice left x out => x * pad(y)"""
    if op.output.shape == op.input.shape:
        return op.input
    mul, pads = op.input.producer, op.operand(1)
    plain = mul is not None and mul.operator == ops.Mul() and op.input.dtype is DType.FLOAT32
    if mul is None or not plain or not pads.is_const or pads.has_sizes or graph.sole_user(op.input) is None:
        return None
    before = pads.array.reshape(-1, 2)[:, 0]
    for cut, y in ((mul.operand(0), mul.operand(1)), (mul.operand(1), mul.operand(0))):
        if y.type == op.input.type and not y.is_const and _is_cut(graph, cut, op.output.shape, before):
            b = Builder(graph, op)
            assert cut.producer is not None  # it is a slice
            return b.emit(ops.Mul(), cut.producer.input, b.emit(ops.Pad(), y, pads))
    return None


def _is_cut(graph: Graph, value: Value, shape: Shape, before: Array) -> bool:
    """Whether `value` is a slice, used once, from `before` on, of a value of `shape`."""
    cut = value.producer
    if cut is None or not isinstance(cut.operator, ops.Slice) or graph.sole_user(value) is None:
        return False
    begin = cut.operand(1)
    known = begin.is_const and not begin.has_sizes and value.quantization is None
    return known and cut.input.shape == shape and bool(np.array_equal(begin.array, before))


def _neutral(graph: Graph, op: Op) -> Value | None:
    """x * 1, x / 1, x + 0, x - 0 => x"""
    arithmetic = cast(Arithmetic, op.operator)
    left, right = op.operand(0), op.operand(1)
    swapped = left.is_const and isinstance(arithmetic, ops.Add | ops.Mul)
    x, const = (right, left) if swapped else (left, right)
    number = 1 if isinstance(arithmetic, ops.Mul | ops.Div) else 0
    if arithmetic.activation is not Activation.NONE or not const.is_const or const.quantization is not None:
        return None
    return x if const.type.size and bool(np.all(const.array == number)) else None


def _neutral_logic(graph: Graph, op: Op) -> Value | None:
    """x and True, x or False, x and x, x or x => x"""
    left, right = op.operand(0), op.operand(1)
    if left is right:
        return left
    x, const = (right, left) if left.is_const else (left, right)
    neutral = isinstance(op.operator, ops.LogicalAnd)
    return x if const.is_const and const.type.size and bool(np.all(const.array == neutral)) else None


RULES: dict[type[Operator], Callable[[Graph, Op], Value | None]] = {
    ops.Reshape: _reshape,
    ops.Squeeze: _reshape,
    ops.ExpandDims: _reshape,
    ops.Transpose: _transpose,
    ops.BatchMatmul: _matmul,
    ops.Cast: _cast,
    ops.Slice: _slice,
    ops.StridedSlice: _strided_slice,
    ops.Tile: _same_shape,
    ops.Pad: _pad,
    ops.PadV2: _same_shape,
    ops.BroadcastTo: _same_shape,
    ops.Add: _neutral,
    ops.Sub: _neutral,
    ops.Mul: _neutral,
    ops.Div: _neutral,
    ops.LogicalAnd: _neutral_logic,
    ops.LogicalOr: _neutral_logic,
}


def _skip_broadcasts(graph: Graph, op: Op) -> bool:
    """f(broadcast_to(x), y) => f(x, y), f(reshape(x), y) => f(x, y) where the result keeps its shape, and the reshape
    does no more than to drop leading ones."""
    changed = False
    for index, value in enumerate(op.inputs):
        maker = value.producer if value is not None else None
        if value is None or maker is None or not isinstance(maker.operator, ops.BroadcastTo | ops.Reshape):
            continue
        source = maker.input
        others = [v.shape for i, v in enumerate(op.inputs) if v is not None and i != index]
        if isinstance(maker.operator, ops.Reshape) and not _drops_ones(source, value, op.output):
            continue
        if not others or broadcast(op.operator, [*others, source.shape]) != op.output.shape:
            continue
        missing = value.rank - source.rank
        if missing > 0 and source.type.size != 1:
            source = reshape(Builder(graph, op), source, (1,) * missing + source.shape)
        graph.set_input(op, index, source)
        changed = True
    return changed


def _drops_ones(source: Value, value: Value, result: Value) -> bool:
    """Whether `value` is `source`, which has the result's rank, without leading dimensions of one."""
    dropped = source.rank - value.rank
    return dropped > 0 and source.rank == result.rank and source.shape == (1,) * dropped + value.shape
