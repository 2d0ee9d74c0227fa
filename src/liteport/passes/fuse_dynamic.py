"""fuse_dynamic: a product of numbers that are quantised while the model runs is a layer with weights in int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.types import Array, DType, Quantization
from liteport.lowering import basic, convolution
from liteport.lowering.convolution import Steps
from liteport.lowering.formula import Term
from liteport.passes.base import Pass

_LINEAR_RANK = 5  # FULLY_CONNECTED stops here (see lowering/matmul.py)
_INT8 = np.iinfo(np.int8)


@dataclass(frozen=True)
class FuseDynamic(Pass):
    """numbers, scale, zero = dynamic_quantize(x); float(matmul_integer(numbers, w, zero)) * (scale * s)
    =>   linear(x, w in int8 with the scale s), and convolutions alike

    The kernel quantises x itself: linear layers every row (convolutions of one pixel every pixel, others every element
    of the batch) on the grid that it fills, where the source has one grid for all. What is all that there is comes out
    the same; the rest lies nearer to the product of real numbers. Weights that do not lie around zero are moved there,
    and what they are moved by times the sum of x is added.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.MatmulInteger, ops.ConvInteger):
            why = _unlike(op) or self._fused(graph, op)
            if why:
                self.decline(op, why)
            changed |= not why
        return changed

    def _fused(self, graph: Graph, op: Op) -> str:
        """Puts the layer in the place of what the product is multiplied with; or says why not."""
        numbers, weights, start = op.operand(0), op.operand(1), op.optional(3)
        source = numbers.producer
        if (
            source is None
            or not isinstance(source.operator, ops.DynamicQuantize)
            or op.optional(2) not in source.outputs
        ):
            return "its numbers are not quantised while the model runs"
        last, scales = _scaled(graph, op, source.outputs[1])
        is_layer = isinstance(op.operator, ops.MatmulInteger)
        if last is None or scales is None or not (scales > 0).all():
            return "it is not multiplied with the scales of its operands"
        if scales.size not in (1, weights.shape[1] if is_layer else 1):
            return "its scales are not those of its weights"
        zero = np.zeros(1, np.int32) if start is None else start.array.reshape(-1).astype(np.int32)
        b = Builder(graph, last)
        put = _layer if is_layer else _conv
        graph.replace(last, put(b, op, source.input, zero, scales.reshape(-1)))
        return ""


def _unlike(op: Op) -> str:
    """Why no kernel does what an operation does; nothing where one does."""
    weights, start = op.operand(1), op.optional(3)
    if not weights.is_const or (start is not None and not start.is_const):
        return "its weights are not constant"
    if isinstance(op.operator, ops.ConvInteger):
        known = op.operator.groups in (1, op.operand(0).shape[1]) and weights.rank in (3, 4)
        return "" if known else "its kernel has no such groups, or dimensions"
    fits = weights.rank == 2 and op.operand(0).rank <= _LINEAR_RANK
    fits &= start is None or start.type.size in (1, weights.shape[1])
    return "" if fits else "its weights are no matrix, or there are too many dimensions"


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


def _layer(b: Builder, op: Op, x: Value, zero: Array, scales: Array) -> Value:
    """x by weights[K, N] less their zero points, times the scales."""
    weights = op.operand(1)
    numbers, moved = _around_zero(weights.array.T, zero)
    operator = ops.FullyConnected(keep_num_dims=True, asymmetric_quantize_inputs=True)
    y = b.emit(operator, x, _constant(weights, numbers, scales), None)
    if not moved.any():
        return y
    total = Term(b, basic.reduce(b, ops.Sum, x, [x.rank - 1], keep_dims=True))
    return (Term(b, y) + total * Term(b, b.const((moved * scales).astype(np.float32)))).value


def _conv(b: Builder, op: Op, x: Value, zero: Array, scales: Array) -> Value:
    """x[N,C,*space] by weights[O,C/groups,*kernel] less their zero points, times the scales: on planes, of a height of
    1 where space is a line."""
    found, weights = cast(ops.ConvInteger, op.operator), op.operand(1)
    steps, line = Steps(found.stride, found.dilation, found.pads), x.rank == 3
    numbers, moved = _around_zero(weights.array[:, :, None] if line else weights.array, zero)
    last = basic.channels_last(b, basic.unsqueeze(b, x, 2) if line else x)
    steps = steps.lifted() if line else steps
    by_output = np.broadcast_to(scales, moved.shape)
    shifts = (moved * by_output).astype(np.float32)
    if found.groups > 1:
        kernel = _constant(weights, numbers.transpose(1, 2, 3, 0), by_output, 3)
        y = Term(b, convolution.depthwise(b, last, kernel, None, steps))
        if moved.any():
            even = b.const(np.broadcast_to(shifts, kernel.shape).copy())
            y = y + Term(b, convolution.depthwise(b, last, even, None, steps))
    else:
        kernel = _constant(weights, numbers.transpose(0, 2, 3, 1), by_output)
        y = Term(b, convolution.planes(b, last, kernel, None, steps))
        if moved.any():
            ones = b.const(np.ones((1, *kernel.shape[1:]), np.float32))
            y = y + Term(b, convolution.planes(b, last, ones, None, steps)) * Term(b, b.const(shifts))
    front = basic.channels_first(b, y.value)
    return basic.squeeze(b, front, 2) if line else front


def _around_zero(numbers: Array, zero: Array) -> tuple[Array, Array]:
    """Weights, the outputs in front, as int8 around zero, and by how much those of each output are moved for that."""
    column = (-1, *(1,) * (numbers.ndim - 1))
    whole = numbers.astype(np.int32) - zero.reshape(column)
    inner = tuple(range(1, numbers.ndim))
    least, most = whole.min(inner), whole.max(inner)
    moved = np.where(most > _INT8.max, most - _INT8.max, np.where(least < _INT8.min, least - _INT8.min, 0))
    return (whole - moved.reshape(column)).astype(np.int8), moved


def _constant(like: Value, numbers: Array, scales: Array, axis: int = 0) -> Value:
    stored = constant(numbers, like.name)
    stored.quantization = Quantization(tuple(scales.tolist()), (0,) * scales.size, axis)
    return stored
