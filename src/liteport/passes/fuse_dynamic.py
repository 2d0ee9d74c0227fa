"""fuse_dynamic: a product of numbers that are quantised while the model runs is a linear layer with weights in int8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.types import Array, DType, Quantization
from liteport.lowering import basic
from liteport.lowering.formula import Term
from liteport.passes.base import Pass

_LINEAR_RANK = 5  # FULLY_CONNECTED stops here (see lowering/matmul.py)
_INT8 = np.iinfo(np.int8)


@dataclass(frozen=True)
class FuseDynamic(Pass):
    """numbers, scale, zero = dynamic_quantize(x); float(matmul_integer(numbers, w, zero)) * (scale * s)
    =>   linear(x, w in int8 with the scale s)

    The kernel quantises x itself, every row on the grid that it fills, where the source has one grid for all: a row
    by itself comes out the same, others lie between that and the product of real numbers. Weights that do not lie
    around zero are moved there, and what they are moved by times the sum of x is added.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.MatmulInteger):
            why = self._fused(graph, op)
            if why:
                self.decline(op, why)
            changed |= not why
        return changed

    def _fused(self, graph: Graph, op: Op) -> str:
        """Puts the layer in the place of what the product is multiplied with; or says why not."""
        numbers, zero = op.operand(0), op.optional(2)
        source = numbers.producer
        if source is None or not isinstance(source.operator, ops.DynamicQuantize) or zero is not source.outputs[2]:
            return "its numbers are not quantised while the model runs"
        weights, start = op.operand(1), op.optional(3)
        if not weights.is_const or weights.rank != 2 or numbers.rank > _LINEAR_RANK:
            return "its weights are no constant matrix"
        if start is not None and not start.is_const:
            return "its weights' zero point is not constant"
        last, scales = _scaled(graph, op, source.outputs[1])
        if last is None or scales is None or scales.size not in (1, weights.shape[1]) or not (scales > 0).all():
            return "it is not multiplied with the scales of its operands"
        b = Builder(graph, last)
        graph.replace(last, _layer(b, source.input, weights, start, scales.reshape(-1)))
        return ""


def _scaled(graph: Graph, op: Op, scale: Value) -> tuple[Op | None, Array | None]:
    """What multiplies the product, as floats, with `scale` and a constant, and that constant."""
    cast = graph.sole_user(op.output)
    if cast is None or not isinstance(cast.operator, ops.Cast) or cast.output.dtype is not DType.FLOAT32:
        return None, None
    last = graph.sole_user(cast.output)
    if last is None or last.operator != ops.Mul() or last.output.shape != op.output.shape:
        return None, None
    factor = last.operand(1) if last.operand(0) is cast.output else last.operand(0)
    return last, _times(factor, scale)


def _times(value: Value, scale: Value) -> Array | None:
    """The constant that `value` is `scale` times; None where it is something else."""
    if value is scale:
        return np.ones(1, np.float32)
    maker = value.producer
    if maker is not None and isinstance(maker.operator, ops.Reshape) and _is_row(value) and _is_row(maker.input):
        return _times(maker.input, scale)
    if maker is None or maker.operator != ops.Mul():
        return None
    for known, other in ((maker.operand(0), maker.operand(1)), (maker.operand(1), maker.operand(0))):
        inner = _times(other, scale) if known.is_const and not known.has_sizes else None
        if inner is not None and _is_row(known):
            return inner * known.array.reshape(-1)
    return None


def _is_row(value: Value) -> bool:
    """Whether a value is one number, or one for each place along its last dimension."""
    return value.type.size in (1, *value.shape[-1:])


def _layer(b: Builder, x: Value, weights: Value, start: Value | None, scales: Array) -> Value:
    """x by weights[K, N] less their zero points, times the scales."""
    zero = np.zeros(1, np.int32) if start is None else start.array.reshape(-1).astype(np.int32)
    whole = weights.array.T.astype(np.int32) - zero[:, None]
    least, most = whole.min(1), whole.max(1)
    moved = np.where(most > _INT8.max, most - _INT8.max, np.where(least < _INT8.min, least - _INT8.min, 0))
    stored = constant((whole - moved[:, None]).astype(np.int8), weights.name)
    stored.quantization = Quantization(tuple(scales.tolist()), (0,) * scales.size)
    y = b.emit(ops.FullyConnected(keep_num_dims=True, asymmetric_quantize_inputs=True), x, stored, None)
    if not moved.any():
        return y
    total = Term(b, basic.reduce(b, ops.Sum, x, [x.rank - 1], keep_dims=True))
    return (Term(b, y) + total * Term(b, b.const((moved * scales).astype(np.float32)))).value
