"""slice_early: what a slice leaves out is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Elementwise
from liteport.ir.types import TensorType
from liteport.lowering.basic import reshape, slice_, zeros
from liteport.passes.base import Pass
from liteport.passes.parts import Cuts, cuts_of, operand_parts, origin, part_shape
from liteport.passes.weights import WEIGHTED


@dataclass(frozen=True)
class SliceEarly(Pass):
    """linear(norm(x) + y)[:, :1]   =>   linear(norm(x[:, :1]) + y[:, :1])

    The class token that is picked out of a transformer's result: its last layers then run on that token alone, and
    what serves the others only (positions, maps, the padding between them) is gone.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        # From the end: the slices of all users are above these, or they are gone, before a value's own turn comes.
        for op in reversed(list(graph.ops)):
            if len(op.outputs) != 1 or op.operator.stateful or graph.is_output(op.output):
                continue
            if not op.output.uses:
                graph.erase(op)
                changed = True
            elif all(isinstance(user.operator, ops.Slice) for user in op.output.users):
                changed |= self.move(graph, op)
        return changed

    def move(self, graph: Graph, op: Op) -> bool:
        """Takes the slices that are all of the result of `op` that is used above `op`."""
        slices = op.output.users
        cuts = cuts_of(slices[0])
        if not cuts or any(cuts_of(other) != cuts for other in slices):
            self.decline(op, "its slices take different parts, or depend on sizes")
            return False
        if any(v.quantization is not None or v.dtype.is_raw for v in (*filter(None, op.inputs), op.output)):
            self.decline(op, "it is quantised")
            return False
        b = Builder(graph, op)
        found = origin(op, cuts)
        if found is not None:
            part = _part(b, op, *found)
        else:
            operands = operand_parts(op, cuts)
            if operands is None or (why := _dear(op, cuts, operands)):
                self.decline(op, why if operands is not None else f"{op.name} does not make a part alone")
                return False
            part = _compute(b, op, cuts, operands)
        for user in slices:
            graph.replace(user, part)
        graph.erase(op)
        return True


def _dear(op: Op, cuts: Cuts, operands: Sequence[Cuts]) -> str:
    """Why slices of the operands cost more than is saved; empty where they do not."""
    share = prod(length / op.output.shape[axis] for axis, (_, length) in cuts.items())
    sliced = [v for v, part in zip(op.inputs, operands, strict=True) if v is not None and part and not v.is_const]
    if len(sliced) * share > 1 - share:
        return "it leaves out too little"
    fuses = isinstance(op.operator, Elementwise) and any(map(_is_made_by_kernel, sliced))
    return "the kernel above takes it in" if fuses else ""


def _is_made_by_kernel(value: Value) -> bool:
    """Whether a convolution makes `value`, with no more than scales, clamps and movements after it."""
    op = value.producer
    while op is not None and type(op.operator) not in WEIGHTED:
        computed = [v for v in op.inputs if v is not None and not v.is_const]
        if len(computed) != 1 or not isinstance(op.operator, Elementwise | ops.Transpose | ops.Reshape):
            return False
        op = computed[0].producer
    return op is not None and not isinstance(op.operator, ops.FullyConnected)


def _compute(b: Builder, op: Op, cuts: Cuts, operands: Sequence[Cuts]) -> Value:
    parts = [v and _part(b, op, v, part) for v, part in zip(op.inputs, operands, strict=True)]
    if isinstance(op.operator, ops.Reshape) and parts[0] is not None:
        return reshape(b, parts[0], part_shape(op.output.shape, cuts))
    return b.emit(op.operator, *parts)


def _part(b: Builder, op: Op, value: Value | None, cuts: Cuts) -> Value:
    """A part of a value, of a constant as a constant; zeros for None."""
    if value is None:
        return zeros(b, TensorType(op.output.dtype, part_shape(op.output.shape, cuts)))
    if not cuts:
        return value
    begin = [cuts[axis][0] if axis in cuts else 0 for axis in range(value.rank)]
    shape = part_shape(value.shape, cuts)
    if not value.is_const:
        sliced = slice_(b, value, begin, shape)
        sliced.name = value.name  # which the operation that makes this part takes over
        return sliced
    index = tuple(slice(first, first + length) for first, length in zip(begin, shape, strict=True))
    return constant(value.array[index], value.name)
