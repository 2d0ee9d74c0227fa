"""sink: reshapes move below arithmetic, towards the next reshape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Elementwise
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, Shape
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass
from liteport.passes.layout.orders import common_factors
from liteport.passes.simplify import NO_BROADCAST

# A constant is repeated for a reshape's sake up to this many bytes.
_GROWTH = 1 << 20


@dataclass(frozen=True)
class SinkReshape(Pass):
    """relu(reshape(conv(x)) * s)   =>   reshape(relu(conv(x) * s))

    The scale and the clamp then stand beside the kernel that takes them in, and the reshape beside one that
    undoes it: a one-dimensional convolution is a two-dimensional one between two reshapes.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            if not isinstance(op.operator, Elementwise) or len(op.outputs) != 1:
                continue
            makers = _reshapes(graph, op)
            if why := _blocked(op, makers):
                self.decline(op, why)
                continue
            b = Builder(graph, op)
            source = next(m.input.shape for m in makers if m is not None)
            result = b.emit(op.operator, *(_under(op, v, source) for v in op.inputs))
            result.name, result.quantization = op.output.name, op.output.quantization
            graph.replace(op, reshape(b, result, op.output.shape))
            changed = True
        return changed


def _reshapes(graph: Graph, op: Op) -> list[Op | None]:
    """The reshapes that make the operands that are not constant, each used here alone; None for any other maker."""
    values = [v for v in op.inputs if v is not None and not v.is_const]
    alone = [v.producer if graph.sole_user(v) is op else None for v in values]
    return [m if m is not None and isinstance(m.operator, ops.Reshape) else None for m in alone]


def _blocked(op: Op, makers: Sequence[Op | None]) -> str:
    """Why the reshapes cannot move below the operation; empty where they can."""
    found = [m for m in makers if m is not None]
    if not found or len(found) < len(makers):
        return "an operand is not a reshape of its own"
    source = found[0].input
    if any(m.input.shape != source.shape or m.output.shape != op.output.shape for m in found):
        return "its operands are reshaped from different shapes, or broadcast"
    consts = [v for v in op.inputs if v is not None and v.is_const]
    if consts and isinstance(op.operator, NO_BROADCAST):
        return f"{op.name} does not broadcast"
    if any(v.quantization is not None or v.dtype.is_raw for v in consts):
        return "a constant is quantised"
    if any(_restated(v.array, op.output.shape, source.shape) is None for v in consts):
        return "a constant has dimensions that the reshape does not keep"
    return ""


def _under(op: Op, value: Value | None, source: Shape) -> Value | None:
    """What a reshape reshapes; a constant as it broadcasts to that."""
    if value is None or value.producer is not None:
        return value.producer.input if value is not None and value.producer is not None else None
    array = _restated(value.array, op.output.shape, source)
    assert array is not None  # or the operation is blocked
    return constant(array, value.name, value.dtype)


def _restated(const: Array, after: Shape, before: Shape) -> Array | None:
    """A constant that broadcasts to `after`, as one that broadcasts to `before`, which is reshaped to `after`.

    It is repeated, where it does not grow much, along part of a dimension of `before`. None where it cannot be, or
    where it would stop to be a vector along the last dimension, which weights can take in.
    """
    if const.size == 1:
        return const.reshape(())
    if const.size == const.shape[-1]:
        return const.reshape(-1) if before[-1:] == after[-1:] == const.shape[-1:] else None
    factors = common_factors(before, after) if is_fixed((*before, *after)) else None
    if factors is None:
        return None
    sizes, before_of, after_of = factors
    full = (1,) * (len(after) - const.ndim) + const.shape
    has = {f for axis, own in enumerate(after_of) for f in own if full[axis] != 1}
    apart = const.reshape([size if f in has else 1 for f, size in enumerate(sizes)])
    touched = {f for own in before_of for f in own if not has.isdisjoint(own)}
    whole = [size if f in touched else 1 for f, size in enumerate(sizes)]
    if prod(whole) > const.size and prod(whole) * const.itemsize > _GROWTH:
        return None
    shape = [prod(whole[f] for f in own) for own in before_of]
    return np.broadcast_to(apart, whole).reshape(shape)
