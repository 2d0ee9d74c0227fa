"""QUANTIZE and DEQUANTIZE themselves: what they take in, what they pass, and where two are none."""

from __future__ import annotations

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType, TensorType
from liteport.passes.quantised import grid
from liteport.passes.quantised.table import MOVES, ROWS

_BOUNDS: dict[type[ops.Operator], tuple[float, float]] = {
    ops.Relu: (0.0, np.inf),
    ops.Relu6: (0.0, 6.0),
    ops.ReluN1To1: (-1.0, 1.0),
    ops.Relu0To1: (0.0, 1.0),
}


def absorb_clamps(graph: Graph) -> bool:
    """quantize(relu(x))   =>   quantize(x), where the numbers end at 0 as well"""
    changed = False
    for op in graph.find(ops.Quantize):
        while grid.is_stored(op.output) and (clamp := op.input.producer) is not None:
            value, low, high = _clamped(clamp)
            if value is None or not _ends_within(op.output, low, high):
                break
            graph.set_input(op, 0, value)
            changed = True
    return changed


def _clamped(op: Op) -> tuple[Value | None, float, float]:
    """What an operation clamps, and its bounds; None where it does something else."""
    if (bounds := _BOUNDS.get(type(op.operator))) is not None:
        return (op.input, *bounds)
    if not isinstance(op.operator, ops.Maximum | ops.Minimum):
        return None, 0.0, 0.0
    left, right = op.operand(0), op.operand(1)
    number, value = (left, right) if left.is_const else (right, left)
    if (
        not number.is_const
        or number.type.size != 1
        or value.shape != op.output.shape
        or number.dtype is not DType.FLOAT32
    ):
        return None, 0.0, 0.0
    bound = float(number.array.reshape(()))
    return (value, bound, np.inf) if isinstance(op.operator, ops.Maximum) else (value, -np.inf, bound)


def _ends_within(stored: Value, low: float, high: float) -> bool:
    """Whether all numbers of the tensor stand for what lies between the bounds, rounded as it is."""
    found, limits = stored.quantization, np.iinfo(stored.dtype.numpy)
    assert found is not None
    least, most = (np.rint(bound / found.scale[0]) + found.zero_point[0] for bound in (low, high))
    return bool(least <= limits.min and most >= limits.max)


def lift(graph: Graph) -> bool:
    """quantize(reshape(x))   =>   reshape(quantize(x)): a movement of fewer bytes, and x is beside what made it"""
    changed = False
    for op in reversed(graph.find(ops.Quantize)):
        while grid.is_stored(op.output) and (move := _movement(graph, op)) is not None:
            b = Builder(graph, move)
            first = b.emit(op.operator, move.input)
            first.quantization = op.output.quantization
            (moved,) = b.emit_many(
                move.operator, first, *move.inputs[1:], types=(TensorType(first.dtype, move.output.shape),)
            )
            moved.quantization = op.output.quantization
            graph.replace(op, moved)
            graph.erase(move)
            assert first.producer is not None
            op, changed = first.producer, True
    return changed


def _movement(graph: Graph, op: Op) -> Op | None:
    """What moves the operand of a QUANTIZE and is used for nothing else; None where it comes from DEQUANTIZE."""
    move = op.input.producer
    if move is None or ROWS.get(type(move.operator)) is not MOVES or len(move.outputs) != 1:
        return None
    maker = move.input.producer
    known = move.input.is_const or (maker is not None and isinstance(maker.operator, ops.Dequantize))
    return move if not known and graph.sole_user(op.input) is op else None


def tidy(graph: Graph) -> bool:
    """Into a type and back, where that changes nothing, is nothing:

    quantize(dequantize(x)) => x;  int8(uint8(x)) => x;  int8(uint8(real)) => int8(real);  real(uint8(x)) => real(x)
    """
    changed = False
    for op in graph.find(ops.Quantize, ops.Dequantize):
        while (new := _shorter(graph, op)) is not None:
            graph.replace(op, new)
            changed = True
            if new.producer is None or not isinstance(new.producer.operator, ops.Quantize | ops.Dequantize):
                break
            op = new.producer
    return changed


def _shorter(graph: Graph, op: Op) -> Value | None:
    """What stands for the result of a QUANTIZE or DEQUANTIZE with one step less; None where nothing does."""
    first = op.input.producer
    if first is None or not isinstance(first.operator, ops.Quantize | ops.Dequantize):
        return None
    below = first.input
    if isinstance(op.operator, ops.Dequantize):
        alike = grid.is_stored(below) and grid.is_stored(op.input) and grid.same(below, op.input)
        return Builder(graph, op).emit(op.operator, below) if alike else None
    if not grid.is_stored(op.output):
        return None
    between = below if isinstance(first.operator, ops.Dequantize) else op.input
    if not grid.is_stored(between) or not grid.same(between, op.output):
        return None
    if grid.is_stored(below) and not grid.same(below, op.output):
        return None
    if below.dtype is op.output.dtype:
        given = below.producer is None or graph.is_output(below)  # an output is a result of its own
        return None if given and graph.is_output(op.output) else below
    shorter = Builder(graph, op).emit(op.operator, below)
    shorter.quantization = op.output.quantization
    return shorter
