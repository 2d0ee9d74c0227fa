"""Branches, loops and scans, whose bodies are graphs. They see the values around them by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import GraphProto

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import Listed, OnnxBuilder, Table
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, is_fixed
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, control, joining
from liteport.lowering.formula import Term, maximum, minimum

Values = Sequence[Value]

# A loop of no more nodes than these, in all its steps together, is written out step by step.
_TINY = 64
# As many steps are, at most, where the shapes of values change from one to the next.
_CHANGING = 32
# Steps are counted in int32. Exporters write the largest int64 where a loop has no limit.
_MOST_STEPS = np.iinfo(np.int32).max


def if_(b: OnnxBuilder, condition: Value, *, then_branch: GraphProto, else_branch: GraphProto) -> list[Value]:
    """If(cond, then_branch, else_branch)"""
    if condition.data is not None:
        return b.nested(then_branch if condition.data.reshape(-1)[0] else else_branch)
    types = [_common(b, *pair) for pair in zip(_types(b, then_branch), _types(b, else_branch), strict=True)]
    flag = basic.reshape(b, condition, ())
    return control.branch(b, flag, lambda b: b.nested(then_branch), lambda b: b.nested(else_branch), types)


def _common(b: OnnxBuilder, yes: TensorType, no: TensorType) -> TensorType:
    """The type of what one branch or the other gives: sizes that differ are known when the model runs."""
    if yes.dtype is not no.dtype or len(yes.shape) != len(no.shape):
        raise UnsupportedError(f"branches that give {yes} and {no}: make their ranks equal")
    shape = (n if n == m else b.open_size() for n, m in zip(yes.shape, no.shape, strict=True))
    return TensorType(yes.dtype, tuple(shape))


def _types(b: OnnxBuilder, graph: GraphProto) -> list[TensorType]:
    """The types of a branch's results."""
    return [v.type for v in control.tried(b, lambda b: b.nested(graph))]


@dataclass(frozen=True)
class _Body:
    """A loop's body: it takes the number of the step, whether to go on, and values, and gives whether to go on, the
    values for the next step, and rows of further results."""

    graph: GraphProto
    count: int

    def run(self, b: OnnxBuilder, step: Value, going: Value, values: Values) -> tuple[Value, list[Value], list[Value]]:
        going, *results = b.nested(self.graph, [step, going, *values])
        return going, results[: self.count], results[self.count :]

    def tried(self, b: OnnxBuilder, step: Value, going: Value, start: Values) -> tuple[Value, list[Value], list[Value]]:
        """What a step gives, without its being written."""
        values = [v if isinstance(v, Listed) else Value(v.type, v.name) for v in start]
        going, *results = control.tried(b, lambda b: b.nested(self.graph, [step, going, *values]))
        return going, results[: self.count], results[self.count :]


def loop(
    b: OnnxBuilder, limit: Value | None, condition: Value | None = None, *start: Value, body: GraphProto
) -> list[Value]:
    """Loop(M, cond, v_initial, body): the body's values as long as it says, M times at most, and its rows, stacked."""
    whole = _Body(body, len(start))
    going = b.const(np.asarray(True)) if condition is None else basic.reshape(b, condition, ())
    steps = None if limit is None or limit.data is None else int(limit.data.reshape(-1)[0])
    if going.data is not None:
        steps = steps if going.data else 0
        if steps is not None and (written := _written_out(b, whole, steps, start)) is not None:
            return written
    return _looped(b, whole, steps, limit, going, start)


def _written_out(b: OnnxBuilder, body: _Body, steps: int, start: Values) -> list[Value] | None:
    """The steps one after the other, where they are few and do not depend on what is computed; else None."""
    true = b.const(np.asarray(True))
    going, values, rows = body.tried(b, b.const(np.asarray(0, np.int64)), true, start)
    if not steps:
        return [*start, *(basic.zeros(b, TensorType(v.dtype, (0, *v.shape))) for v in rows)]
    changing = any(isinstance(v, Listed) or v.type != w.type for v, w in zip(start, values, strict=True))
    few = steps * len(body.graph.node) <= _TINY or (changing and steps <= _CHANGING)
    if not few or going.data is None:
        return None
    values, stacks = list(start), []
    for step in range(steps):
        going, values, rows = body.run(b, b.const(np.asarray(step, np.int64)), true, values)
        stacks.append(rows)
        if going.data is None:
            return None
        if not going.data.all():
            break
    return [*values, *(joining.stack(b, parts, 0) for parts in zip(*stacks, strict=True))]


def _looped(
    b: OnnxBuilder, body: _Body, steps: int | None, limit: Value | None, going: Value, start: Values
) -> list[Value]:
    """By WHILE. Rows are written into space for all steps; where fewer may be done, those that are done are cut out."""
    scalars = [Value(TensorType(kind, ()), "step") for kind in (DType.INT64, DType.BOOL)]
    asked, new, rows = body.tried(b, scalars[0], scalars[1], start)
    for before, after in zip(start, new, strict=True):
        if isinstance(before, Listed):
            raise UnsupportedError("a loop over a sequence of tensors whose number is not known: unroll it")
        if before.type != after.type:
            raise UnsupportedError(f"a loop in which {before.name} changes from {before.type} to {after.type}")
    if rows and steps is None:
        steps = _bound_size(b, limit)
    spaces = [basic.zeros(b, TensorType(v.dtype, (steps or 0, *v.shape))) for v in rows]
    top = None if limit is None or (steps or 0) >= _MOST_STEPS else _counted(b, limit)

    def test(b: OnnxBuilder, values: Values) -> Values:
        said = basic.reshape(b, values[1], (1,))
        return [said if top is None else b.emit(ops.LogicalAnd(), b.emit(ops.Less(), values[0], top), said)]

    def step(b: OnnxBuilder, values: Values) -> Values:
        at, said, *rest = values
        number = basic.cast(b, basic.reshape(b, at, ()), DType.INT64)
        goes, state, parts = body.run(b, number, said, rest[: body.count])
        pairs = zip(rest[body.count :], parts, strict=True)
        placed = [control.put_rows(b, v, at, basic.unsqueeze(b, part, 0)) for v, part in pairs]
        return [b.emit(ops.Add(), at, basic.ints(b, [1])), basic.reshape(b, goes, ()), *state, *placed]

    done, _, *ends = control.loop(b, test, step, [basic.ints(b, [0]), going, *start, *spaces])
    state, filled = ends[: body.count], ends[body.count :]
    always = asked is scalars[1] or (asked.data is not None and asked.data.all())
    if filled and not (always and going.data is not None and is_fixed((steps,))):
        count = b.open_size(steps if is_fixed((steps,)) else None)
        b.emit(ops.BindSize(count), done)
        first = basic.ramp(b, count)
        filled = [basic.gather(b, v, first, 0) for v in filled]
    return [*state, *filled]


def _bound_size(b: OnnxBuilder, limit: Value | None) -> Size:
    """The number of steps that a loop does at most, which is computed, as a size: 1 at least, which rows fit into."""
    if limit is None:
        raise UnsupportedError("a loop that collects results without a limit to its steps: give it one")
    size = b.open_size(least=1)
    b.emit(ops.BindSize(size), maximum(Term(b, _counted(b, limit)), 1).value)
    return size


def _counted(b: OnnxBuilder, limit: Value) -> Value:
    """The limit as an int32[1]."""
    most = minimum(Term(b, basic.cast(b, limit, DType.INT64)), _MOST_STEPS).value
    return basic.reshape(b, basic.cast(b, most, DType.INT32), (1,))


def scan(
    b: OnnxBuilder,
    *operands: Value | None,
    body: GraphProto,
    num_scan_inputs: int,
    scan_input_axes: Sequence[int] | None = None,
    scan_input_directions: Sequence[int] | None = None,
    scan_output_axes: Sequence[int] | None = None,
    scan_output_directions: Sequence[int] | None = None,
    directions: Sequence[int] | None = None,
) -> list[Value]:
    """Scan(initial_state_and_scan_inputs, body, num_scan_inputs, scan_input_axes, scan_input_directions, ...)

    Before opset 9 it begins with lengths of sequences, and all else has a batch in front.
    """
    if b.opset >= 9:
        given = [v for v in operands if v is not None]
        count = len(given) - num_scan_inputs
        forms = _Forms(scan_input_axes, scan_input_directions, scan_output_axes, scan_output_directions)
        return _scanned(b, body, given[:count], given[count:], forms)
    if operands[0] is not None:
        raise UnsupportedError("a scan over sequences of different lengths: export the model with opset 9 or newer")
    given = [v for v in operands[1:] if v is not None]
    count, batch = len(given) - num_scan_inputs, given[0].shape[0]
    forms = _Forms(None, directions, None, None)
    single = [[basic.squeeze(b, basic.narrow(b, v, 0, i, 1), 0) for v in given] for i in range(batch)]
    results = [_scanned(b, body, values[:count], values[count:], forms) for values in single]
    return [joining.stack(b, parts, 0) for parts in zip(*results, strict=True)]


@dataclass(frozen=True)
class _Forms:
    """Along which axes, and which way (1: from the end), a scan reads its inputs and writes its outputs."""

    axes: Sequence[int] | None
    directions: Sequence[int] | None
    output_axes: Sequence[int] | None
    output_directions: Sequence[int] | None


def _scanned(b: OnnxBuilder, body: GraphProto, start: Values, xs: Values, forms: _Forms) -> list[Value]:
    axes, ways = forms.axes or [0] * len(xs), forms.directions or [0] * len(xs)
    xs = [_to_front(b, x, axis % x.rank, way) for x, axis, way in zip(xs, axes, ways, strict=True)]

    def step(b: OnnxBuilder, rows: Values, state: Values) -> tuple[Values, Values]:
        results = b.nested(body, [*state, *rows])
        return results[len(start) :], results[: len(start)]

    outputs, ends = control.scan_rows(b, step, start, xs, few=_TINY // max(len(body.node), 1))
    axes = forms.output_axes or [0] * len(outputs)
    ways = forms.output_directions or [0] * len(outputs)
    outputs = [_from_front(b, v, axis % v.rank, way) for v, axis, way in zip(outputs, axes, ways, strict=True)]
    return [*ends, *outputs]


def _to_front(b: OnnxBuilder, x: Value, axis: int, backward: int) -> Value:
    moved = basic.transpose(b, x, [axis, *(i for i in range(x.rank) if i != axis)])
    return joining.flip(b, moved, [0]) if backward else moved


def _from_front(b: OnnxBuilder, x: Value, axis: int, backward: int) -> Value:
    x = joining.flip(b, x, [0]) if backward else x
    order = list(range(1, x.rank))
    order.insert(axis, 0)
    return basic.transpose(b, x, order)


LOWERINGS: Table = {
    ("", "If"): if_,
    ("", "Loop"): loop,
    ("", "Scan"): scan,
}
