"""fuse_safe_softmax: rows without any score are made 0 by the mask instead of being looked for in the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import Array, DType
from liteport.lowering import basic
from liteport.passes.base import Pass

_MASKED = -1e9  # see lowering/attention.py


@dataclass(frozen=True)
class FuseSafeSoftmax(Pass):
    """p = softmax(x + select(m, 0, -inf)); select(p != p, 0, p)   =>   softmax(x + select(m, 0, -1e9)) * any(m)
    p = softmax(x + mask); select(p != p, 0, p)                   =>   p, where the mask is finite

    How attention is exported that gives zeros for rows which a mask empties. The mask is small, the result is not, and
    one mask serves all layers.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        masks: dict[Value, tuple[Value, Value | None]] = {}
        for op in graph.find(ops.SelectV2):
            softmax = _guarded(op)
            found = _mask(softmax) if softmax is not None else None
            if softmax is None or found is None:
                continue
            scores, mask = found
            b = Builder(graph, _add(softmax))
            if mask not in masks:
                masks[mask] = _finite(Builder(graph, _first_user(graph, mask)), mask)
            finite, seen = masks[mask]
            p = softmax.output if finite is mask else b.emit(softmax.operator, b.emit(ops.Add(), scores, finite))
            graph.replace(op, p if seen is None else b.emit(ops.Mul(), p, seen))
            changed = True
        return changed


def _guarded(op: Op) -> Op | None:
    """The SOFTMAX whose nans an operation makes 0."""
    test, zero, p = op.operand(0).producer, op.operand(1), op.operand(2)
    if test is None or not isinstance(test.operator, ops.NotEqual) or test.operand(0) is not p:
        return None
    empty = zero.is_const and zero.type.size == 1 and not zero.array.any()
    softmax = p.producer
    is_softmax = softmax is not None and isinstance(softmax.operator, ops.Softmax)
    return softmax if empty and test.operand(1) is p and is_softmax else None


def _add(softmax: Op) -> Op:
    add = softmax.input.producer
    assert add is not None
    return add


def _mask(softmax: Op) -> tuple[Value, Value] | None:
    """The scores and the mask that are added up for a softmax."""
    add = softmax.input.producer
    if add is None or not isinstance(add.operator, ops.Add):
        return None
    pairs = ((add.operand(0), add.operand(1)), (add.operand(1), add.operand(0)))
    return next(((scores, mask) for scores, mask in pairs if _is_finite(mask) or _condition(mask) is not None), None)


def _is_finite(mask: Value) -> bool:
    """Whether a mask is finite: a constant, or a choice of two."""
    op = mask.producer
    if mask.is_const:
        return mask.dtype is DType.FLOAT32 and not mask.has_sizes and bool(np.isfinite(mask.array).all())
    if op is None or not isinstance(op.operator, ops.SelectV2):
        return False
    return all(v.is_const and _is_finite(v) for v in (op.operand(1), op.operand(2)))


def _condition(mask: Value) -> Value | Array | None:
    """Where a mask is 0, everything else being -inf."""
    op = mask.producer
    if mask.is_const and mask.dtype is DType.FLOAT32 and not mask.has_sizes:
        zero: Array = mask.array == 0
        return zero if (zero | (mask.array == -np.inf)).all() else None
    if op is None or not isinstance(op.operator, ops.SelectV2):
        return None
    yes, no = (_number(op.operand(i)) for i in (1, 2))
    return op.operand(0) if yes == 0 and no == -np.inf else None


def _number(value: Value) -> float | None:
    return float(value.array.reshape(())) if value.is_const and value.type.size == 1 else None


def _first_user(graph: Graph, mask: Value) -> Op:
    """The first operation that takes the mask."""
    return min(mask.users, key=graph.ops.index)


def _finite(b: Builder, mask: Value) -> tuple[Value, Value | None]:
    """The mask with finite numbers, and which rows (1.0 or 0.0) have any score; None where all have."""
    condition = _condition(mask)
    if _is_finite(mask) or condition is None:
        return mask, None
    if not isinstance(condition, Value):
        seen = condition.any(-1, keepdims=True)
        finite = b.const(np.maximum(mask.array, np.float32(_MASKED)))
        return finite, None if seen.all() else b.const(seen.astype(np.float32))
    chosen = b.emit(ops.SelectV2(), condition, basic.scalar(b, 0, mask), basic.scalar(b, _MASKED, mask))
    found = basic.reduce(b, ops.ReduceAny, condition, [condition.rank - 1], keep_dims=True)
    return chosen, basic.cast(b, found, DType.FLOAT32)
