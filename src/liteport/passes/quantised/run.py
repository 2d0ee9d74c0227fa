"""The pass itself: one operation at a time, from the inputs on, so that what is made quantised feeds what follows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType, Quantization, TensorType
from liteport.passes.base import Pass
from liteport.passes.dead import DropDead
from liteport.passes.fold import fold_views
from liteport.passes.quantised import grid
from liteport.passes.quantised.edges import absorb_clamps, lift, tidy
from liteport.passes.quantised.table import ROWS, Row, Scale
from liteport.passes.weights import WEIGHTED, WEIGHTS


class _Stays(Exception):
    """Why an operation stays on real numbers."""


@dataclass(frozen=True)
class RunQuantised(Pass):
    """quantize(conv(dequantize(x), w, b))   =>   conv(x, w in int8, b in int32)

    Weights say on which grid they lie (see Value.quantization); results take the scale that QUANTIZE asks for. Numbers
    of uint8 are int8 inside the graph, 128 further down, which changes nothing: only weights that do not lie around
    zero need uint8, and then all of the graph is. Movements need no QUANTIZE behind them: dequantize(x) is moved as x.
    Whatever has no kernel, or another scale than its kernel's, stays as it is, between DEQUANTIZE and QUANTIZE, and so
    does what is faster there, unless `plain` asks for few operators.
    """

    plain: bool = False

    def run(self, graph: Graph) -> bool:
        changed = fold_views(graph) | absorb_clamps(graph)
        DropDead().run(graph)  # what has no users blocks no movement
        changed |= lift(graph)
        usual = DType.UINT8 if any(_needs_uint8(op) for op in graph.ops) else DType.INT8
        for op in list(graph.ops):
            row = ROWS.get(type(op.operator))
            if row is None or not _is_fed(op, row):
                continue
            try:
                if row.slower and not self.plain:
                    raise _Stays("it is faster on floats")
                _convert(graph, op, row, _type(op, row, usual))
                changed = True
            except _Stays as why:
                self.decline(op, str(why))
        DropDead().run(graph)
        changed |= lift(graph) | tidy(graph)
        _forget_grids(graph)
        return changed


def _needs_uint8(op: Op) -> bool:
    """Whether the weights fit uint8, and not int8 around zero."""
    weighted = WEIGHTED.get(type(op.operator))
    if weighted is None or type(op.operator) not in ROWS:
        return False
    fits = [
        grid.weights(op.operand(WEIGHTS), weighted.out_axis, kind) is not None for kind in (DType.INT8, DType.UINT8)
    ]
    return fits == [False, True]


def _type(op: Op, row: Row, usual: DType) -> DType:
    """The type for an operation: the graph's usual one, where there is a kernel for it that takes the weights."""
    weighted = WEIGHTED.get(type(op.operator))
    if not row.in_uint8 or (weighted and grid.weights(op.operand(WEIGHTS), weighted.out_axis, usual) is None):
        return DType.INT8
    return usual


def _places(op: Op, row: Row) -> tuple[int, ...]:
    return tuple(range(len(op.inputs))) if row.data is None else row.data


def _is_fed(op: Op, row: Row) -> bool:
    """Whether any of the data comes from DEQUANTIZE."""
    values = [op.optional(i) for i in _places(op, row)]
    return any(v is not None and _source(v) is not None and not v.is_const for v in values)


def _source(value: Value) -> Value | None:
    """The quantised tensor that a value stands for; None where it is none."""
    if value.is_const:
        return grid.on_grid(value) if value.dtype is DType.FLOAT32 else None
    maker = value.producer
    if maker is None or not isinstance(maker.operator, ops.Dequantize) or not grid.is_stored(maker.input):
        return None
    return maker.input


def _convert(graph: Graph, op: Op, row: Row, dtype: DType) -> None:
    """Puts the quantised operation, in a type, in the place of `op`. Raises _Stays where there is none."""
    if why := row.unless(op):
        raise _Stays(why)
    places = _places(op, row)
    sources = [_source(op.operand(i)) for i in places]
    if None in sources:
        missing = next(compress(places, [s is None for s in sources]))
        raise _Stays(f"operand {missing} is not quantised")
    found = [s for s in sources if s is not None]
    scale = _result(graph, op, row, found)
    b = Builder(graph, op)
    inputs = list(op.inputs)
    for place, source in zip(places, found, strict=True):
        moves = row.result is Scale.SAME
        inputs[place] = _rescaled(b, source, scale, dtype) if moves else _stored(b, source, dtype)
    _put_constants(op, inputs, dtype)
    types = tuple(TensorType(dtype, v.shape) for v in op.outputs)
    results = b.emit_many(op.operator, *inputs, types=types)
    for value in results:
        value.quantization = grid.as_type(scale, dtype)
    graph.replace(op, *(b.emit(ops.Dequantize(), v) for v in results))


def _result(graph: Graph, op: Op, row: Row, sources: list[Value]) -> Quantization:
    """The scale of the result. Raises _Stays where the kernel cannot have the one that is wanted."""
    wanted = _wanted(graph, op)
    given = {(g.scale, g.zero_point) for g in map(grid.as_int8, sources)}
    first = grid.as_int8(sources[0])
    if row.result is Scale.SAME and len(given) == 1:
        return first
    if wanted is None:
        raise _Stays("its result is not quantised, or in several ways")
    if isinstance(row.result, Quantization) and wanted != row.result:
        raise _Stays(f"its kernel has a scale of {row.result.scale[0]:g}, not {wanted.scale[0]:g}")
    if row.result is Scale.EQUAL and given != {(wanted.scale, wanted.zero_point)}:
        raise _Stays("its kernel leaves the scale as it is, and another one is wanted")
    return wanted


def _wanted(graph: Graph, op: Op) -> Quantization | None:
    """The one quantisation, as of int8, in which the result is used."""
    users = op.output.users
    if graph.is_output(op.output) or not all(isinstance(u.operator, ops.Quantize) for u in users):
        return None
    found = [grid.as_int8(u.output) if grid.is_stored(u.output) else None for u in users]
    return found[0] if found and all(f == found[0] for f in found) else None


def _stored(b: Builder, source: Value, dtype: DType) -> Value:
    """The tensor in a type."""
    if source.dtype is dtype:
        return source
    if source.is_const:
        return grid.in_type(source, dtype)
    moved = b.emit(ops.Quantize(to=dtype), source)
    moved.quantization = grid.as_type(grid.as_int8(source), dtype)
    return moved


def _rescaled(b: Builder, source: Value, scale: Quantization, dtype: DType) -> Value:
    """The tensor in a type, with another scale."""
    now = grid.as_int8(source)
    if (now.scale, now.zero_point) == (scale.scale, scale.zero_point):
        return _stored(b, source, dtype)
    moved = b.emit(ops.Quantize(to=dtype), b.emit(ops.Dequantize(), source))
    moved.quantization = grid.as_type(scale, dtype)
    return moved


def _put_constants(op: Op, inputs: list[Value | None], dtype: DType) -> None:
    """Weights, bias, and what is padded with, as the kernel wants them, into the inputs."""
    if isinstance(op.operator, ops.PadV2):
        inputs[2] = grid.lowest(inputs[0])
    weighted = WEIGHTED.get(type(op.operator))
    if weighted is None:
        return
    x, bias = inputs[weighted.data], op.optional(weighted.bias)
    weights = grid.weights(op.operand(WEIGHTS), weighted.out_axis, dtype)
    assert x is not None
    if weights is None:
        raise _Stays("its weights are not quantised by output channel around zero, nor as one")
    inputs[WEIGHTS] = weights
    if bias is not None:
        inputs[weighted.bias] = grid.bias(bias, x, weights)
        if inputs[weighted.bias] is None:
            raise _Stays("its bias is not constant, or too large for int32")


def _forget_grids(graph: Graph) -> None:
    """Real numbers that stay so need not say where they came from."""
    for value in graph.values():
        if value.is_const and value.dtype is DType.FLOAT32:
            value.quantization = None
