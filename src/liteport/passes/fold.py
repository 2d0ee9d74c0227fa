"""fold: what depends on constants only is computed now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, Quantization
from liteport.passes.base import Pass
from liteport.passes.decompose import Decompose
from liteport.passes.legalize import Legalize

Evaluate = Callable[[Graph], Sequence[Array]]
"""Runs a graph without inputs in LiteRT; its outputs as arrays."""

# A constant larger than its own operands together is only worth storing below this many bytes.
_GROWTH = 1 << 20


@dataclass(frozen=True)
class Fold(Pass):
    """%1 = f(const)   =>   const

    Transposes, reshapes and slices of constants are views; everything else is evaluated by LiteRT's own
    kernels, all of it as one small model: there is no second implementation of any operator to keep in step.
    """

    evaluate: Evaluate

    def run(self, graph: Graph) -> bool:
        known: dict[Op, None] = {}
        viewed = False
        for op in list(graph.ops):
            if _is_view(op):
                viewed |= _view(graph, op)
            elif _foldable(op, known) and not any(_must_be_made(graph, v) for v in op.outputs):
                known[op] = None
        frontier = [v for op in known for v in op.outputs if graph.is_output(v) or any(u not in known for u in v.users)]
        if not frontier:
            return viewed
        arrays = self.evaluate(_submodel(list(known), frontier))
        for value, array in zip(frontier, arrays, strict=True):
            graph.replace_value(value, constant(array, value.name, value.dtype, value.shape))
        for op in reversed(known):
            if not any(v.uses for v in op.outputs):
                graph.erase(op)
        return True


def fold_views(graph: Graph) -> bool:
    """Movements of constants alone: views on the same memory."""
    changed = [_view(graph, op) for op in list(graph.ops) if _is_view(op)]
    return any(changed)


def _is_view(op: Op) -> bool:
    movers = ops.Transpose | ops.Reshape | ops.Slice
    return isinstance(op.operator, movers) and all(v is None or (v.is_const and not v.has_sizes) for v in op.inputs)


def _view(graph: Graph, op: Op) -> bool:
    """Replaces a movement of a constant by a view on the same memory."""
    if (
        _must_be_made(graph, op.output)
        or op.input.variable
        or op.input.dtype.is_raw
        or (op.input.quantization is not None and op.input.dtype is not DType.FLOAT32)
    ):
        return False
    array = op.input.array
    if isinstance(op.operator, ops.Transpose):
        array = array.transpose([int(i) for i in op.operand(1).array])
    elif isinstance(op.operator, ops.Slice):
        begin, size = op.operand(1).array, op.output.shape
        array = array[tuple(slice(int(at), int(at) + n) for at, n in zip(begin, size, strict=True))]
    else:
        array = array.reshape(op.output.shape)
    view = constant(array, op.output.name)
    view.quantization = _grid(op)
    graph.replace(op, view)
    return True


def _grid(op: Op) -> Quantization | None:
    """The grid on which moved numbers lie; None where there is none, or it does not go along one dimension any more."""
    found = op.input.quantization
    if found is None or len(found.scale) == 1:
        return found
    before, after = op.input.shape, op.output.shape
    if isinstance(op.operator, ops.Transpose):
        return replace(found, axis=op.operand(1).array.tolist().index(found.axis))
    ahead, size = prod(before[: found.axis]), before[found.axis]
    places = [i for i, d in enumerate(after) if d == size and prod(after[:i]) == ahead]
    return replace(found, axis=places[0]) if isinstance(op.operator, ops.Reshape) and places else None


def _must_be_made(graph: Graph, value: Value) -> bool:
    """Whether an operation has to make the value: LiteRT returns no constants, but control flow takes them."""
    return graph.signature is not None and graph.is_output(value)


def _foldable(op: Op, known: dict[Op, None]) -> bool:
    """Whether the operation depends on constants only, and its result, of a size that is known, is worth storing."""
    if op.operator.stateful or not op.outputs or isinstance(op.operator, ops.Opaque | ops.If | ops.While):
        return False
    if not all(is_fixed(v.shape) for v in op.outputs):
        return False
    inputs = [v for v in op.inputs if v is not None]
    if not all((v.is_const and not v.variable and not v.has_sizes) or v.producer in known for v in inputs):
        return False
    if any(v.dtype.is_raw or v.quantization is not None for v in (*inputs, *op.outputs)):
        return False
    result = sum(v.type.nbytes for v in op.outputs)
    return result <= max(_GROWTH, sum(v.type.nbytes for v in inputs))


def _submodel(known: Sequence[Op], frontier: Sequence[Value]) -> Graph:
    """The folded operations as a graph of their own, on copies of their values."""
    graph = Graph("fold", signature="fold")
    copies: dict[Value, Value] = {}
    for op in known:
        inputs = [_copy(v, copies) if v is not None else None for v in op.inputs]
        outputs = [_copy(v, copies) for v in op.outputs]
        graph.insert(len(graph.ops), Op(op.operator, list(inputs), outputs, op.source))
    graph.outputs = [copies[v] for v in frontier]
    graph.output_names = [f"y{i}" for i in range(len(frontier))]
    Decompose().run(graph)
    Legalize().run(graph)  # the graph proper is only made fit for LiteRT's kernels at the end
    return graph


def _copy(value: Value, copies: dict[Value, Value]) -> Value:
    if value not in copies:
        copies[value] = Value(value.type, value.name, data=value.data, quantization=value.quantization)
    return copies[value]
