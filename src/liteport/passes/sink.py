"""sink: reshapes move below arithmetic, towards the next reshape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Elementwise
from liteport.ir.types import Array
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass
from liteport.passes.simplify import NO_BROADCAST


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
            result = b.emit(op.operator, *(_under(v) for v in op.inputs))
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
    if not all(v.type.size == 1 or _per_channel(v, source, op.output) for v in consts):
        return "a constant has other dimensions than the last"
    return ""


def _per_channel(const: Value, before: Value, after: Value) -> bool:
    """Whether the constant only varies along a last dimension that the reshape keeps."""
    return before.shape[-1:] == after.shape[-1:] == const.shape[-1:] and const.type.size == const.shape[-1]


def _under(value: Value | None) -> Value | None:
    """What a reshape reshapes; a constant as a number, or as a vector with one per channel."""
    if value is None or value.is_const:
        return None if value is None else constant(_flat(value.array), value.name)
    return value.producer.input if value.producer is not None else value


def _flat(array: Array) -> Array:
    return array.reshape(() if array.size == 1 else -1)
