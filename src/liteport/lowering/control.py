"""Loops and branches. The graphs that they run are written by functions, each on a builder of its own.

Such a function may use any value at hand where it is written, as a closure does: constants are shared, and
what is computed outside becomes one more input of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from liteport.errors import InvalidGraphError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value, constant
from liteport.ir.sizes import Size, int_array, is_fixed, linear, symbols
from liteport.ir.types import TensorType
from liteport.lowering import basic, joining

B = TypeVar("B", bound=Builder)
Values = Sequence[Value]


def branch(
    b: B,
    condition: Value,
    yes: Callable[[B], Values],
    no: Callable[[B], Values],
    types: Sequence[TensorType] | None = None,
) -> list[Value]:
    """The results of `yes` where the condition, a bool of one element, holds, else those of `no`: IF.

    `types` are those of both, where their sizes differ. Raises InvalidGraphError where they differ and none are given.
    """
    graphs = []
    for role, write in (("then", yes), ("else", no)):
        inner = b.body(role)
        inner.graph.outputs = list(write(inner))
        graphs.append(inner.graph)
    then, other = graphs
    found = types or [v.type for v in then.outputs]
    if types is None and found != [v.type for v in other.outputs]:
        raise InvalidGraphError("the branches of a condition give results of different types")
    operands = _close(graphs)
    operator = ops.If(then_subgraph=then.name, else_subgraph=other.name)
    return list(b.emit_many(operator, condition, *operands, types=tuple(found)))


def loop(b: B, test: Callable[[B, Values], Values], step: Callable[[B, Values], Values], start: Values) -> list[Value]:
    """The values that `step` makes of `start`, again and again as long as `test` of them is true: WHILE.

    Raises InvalidGraphError where `step` changes a value's type.
    """
    graphs = []
    for role, write in (("test", test), ("step", step)):
        inner = b.body(role)
        inner.graph.outputs = list(write(inner, [inner.input(v.type, v.name) for v in start]))
        graphs.append(inner.graph)
    _, body = graphs
    if [v.type for v in body.outputs] != [v.type for v in start]:
        raise InvalidGraphError("the step of a loop changes the type of a value")
    operands = [*start, *_close(graphs)]
    # Outer values stay what they are: the kernel does not copy an input that comes out at its own place.
    body.outputs += body.inputs[len(start) :]
    operator = ops.While(cond_subgraph=graphs[0].name, body_subgraph=body.name)
    return list(b.emit_many(operator, *operands))[: len(start)]


def tried(b: B, write: Callable[[B], Values]) -> list[Value]:
    """What `write` gives, without anything being written: to see the types of a body's results, and which are constant.

    Raises what `write` raises.
    """
    before = list(b.bodies)
    inner = b.body("tried")
    results = list(write(inner))
    for op in reversed(inner.graph.ops):
        inner.graph.erase(op)
    b.bodies[:] = before
    return results


Step = Callable[[B, Values, Values], tuple[Values, Values]]


def scan_rows(
    b: B, step: Step[B], start: Values, xs: Values, *, few: int, outputs: Sequence[TensorType] | None = None
) -> tuple[list[Value], list[Value]]:
    """The rows of results, stacked, that step(b, rows, state) -> (rows of results, state) makes of the rows of `xs`,
    and the last state: step by step where these are `few`, else by a loop. `outputs` are the stacks' types, if known.
    """
    count = xs[0].shape[0]
    if is_fixed((count,)) and 0 < count <= few:
        return written_out(
            b, step, start, [list(row) for row in zip(*(joining.unstack(b, x, 0) for x in xs), strict=True)]
        )

    def one(b: B, _: Value, rows: Values, state: Values) -> tuple[Values, Values]:
        made, state = step(b, [basic.squeeze(b, r, 0) for r in rows], state)
        return [basic.unsqueeze(b, v, 0) for v in made], state

    if outputs is None:
        rows = [Value(TensorType(x.dtype, x.shape[1:]), x.name) for x in xs]
        made = tried(b, lambda b: step(b, rows, [Value(v.type, v.name) for v in start])[0])
        outputs = [TensorType(v.dtype, (count, *v.shape)) for v in made]
    return scan(b, one, start, xs, outputs)


def written_out(b: B, step: Step[B], state: Values, rows: Sequence[Values]) -> tuple[list[Value], list[Value]]:
    """The steps for these rows, one after the other: stacks of their results, and the last state."""
    made: list[Values] = []
    for row in rows:
        results, state = step(b, row, state)
        made.append(results)
    return [joining.stack(b, parts, 0) for parts in zip(*made, strict=True)], list(state)


def scan(
    b: B,
    step: Callable[[B, Value, Values, Values], tuple[Values, Values]],
    start: Values,
    xs: Values,
    outputs: Sequence[TensorType],
    *,
    rows: int = 1,
    stop: Value | None = None,
) -> tuple[list[Value], list[Value]]:
    """A loop over the rows of `xs` (their first dimension), `rows` at a time, as far as row stop[1] or the last one.

    step(b, at[1], the slices of xs, the state) gives slices of the outputs, and the next state; `start` is the first.
    The outputs, whose types are given, and the last state.
    """
    end = basic.ints(b, [xs[0].shape[0]]) if stop is None else stop

    def test(b: B, values: Values) -> Values:
        return [b.emit(ops.Less(), values[0], end)]

    def body(b: B, values: Values) -> Values:
        at, made, state = values[0], values[1 : 1 + len(outputs)], values[1 + len(outputs) :]
        parts, state = step(b, at, [_rows(b, x, at, rows) for x in xs], state)
        placed = [put_rows(b, v, at, part) for v, part in zip(made, parts, strict=True)]
        return [b.emit(ops.Add(), at, basic.ints(b, [rows])), *placed, *state]

    space = [basic.zeros(b, t) for t in outputs]
    _, *results = loop(b, test, body, [basic.ints(b, [0]), *space, *start])
    return results[: len(outputs)], results[len(outputs) :]


def put_rows(b: Builder, x: Value, at: Value, part: Value) -> Value:
    """x with its rows from at[1] on replaced by those of `part`."""
    return b.emit(ops.DynamicUpdateSlice(), x, part, _place(b, at, x.rank))


def _rows(b: Builder, x: Value, at: Value, count: int) -> Value:
    """x[at : at + count]"""
    shape = (count, *x.shape[1:])
    return b.emit_many(
        ops.Slice(), x, _place(b, at, x.rank), basic.ints(b, shape), types=(TensorType(x.dtype, shape),)
    )[0]


def _place(b: Builder, at: Value, rank: int) -> Value:
    """The indices of the first element of row `at`."""
    return basic.concat(b, [at, basic.ints(b, [0] * (rank - 1))], 0) if rank > 1 else at


def _close(graphs: Sequence[Graph]) -> list[Value]:
    """Gives each graph the same further inputs, for all outer values that any of them uses; those values, in order."""
    used = dict.fromkeys(value for graph in graphs for value in _outer(graph))
    captured = [value for value in used if not value.is_const]
    for graph in graphs:
        inner = dict(zip(captured, _further_inputs(graph, captured), strict=True))
        inner |= {v: constant(v.array, v.name, v.dtype, v.shape) for v in used if v.is_const}
        for op in graph.ops:
            for index, value in enumerate(op.inputs):
                if value in inner:
                    graph.set_input(op, index, inner[value])
        graph.outputs = [inner.get(value, value) for value in graph.outputs]
    return [*captured, *_hand_in_sizes(graphs)]


def _further_inputs(graph: Graph, like: Sequence[Value]) -> list[Value]:
    inputs = [Value(v.type, v.name, quantization=v.quantization) for v in like]
    graph.inputs += inputs
    graph.input_names += [v.name for v in like]
    return inputs


def _hand_in_sizes(graphs: Sequence[Graph]) -> list[Value]:
    """Further inputs for the symbols that a graph needs and that the shapes of its own inputs do not show."""
    hidden = dict.fromkeys(symbol for graph in graphs for symbol in _needed(graph) if symbol not in _shown(graph))
    numbers = [constant(int_array([symbol]), str(symbol)) for symbol in hidden]
    for graph in graphs:
        first = graph.ops[0] if graph.ops else None
        for symbol, number in zip(hidden, _further_inputs(graph, numbers), strict=True):
            Builder(graph, first).emit(ops.BindSize(symbol), number)
    return numbers


def _needed(graph: Graph) -> Iterator[Size]:
    """The symbols in the shapes and in the constants of the graph."""
    constants = dict.fromkeys(v for op in graph.ops for v in op.inputs if v is not None and v.has_sizes)
    made = [v for op in graph.ops for v in op.outputs]
    for number in chain(*(v.array.reshape(-1) for v in constants), *(v.shape for v in made)):
        yield from symbols(number)


def _shown(graph: Graph) -> set[Size]:
    return {symbol for value in graph.inputs for size in value.shape for symbol, *_ in linear(size)}


def _outer(graph: Graph) -> Iterator[Value]:
    """The values that the graph uses and does not make, constants among them."""
    own = {*graph.inputs, *(value for op in graph.ops for value in op.outputs)}
    yield from (v for op in graph.ops for v in op.inputs if v is not None and v not in own)
    yield from (v for v in graph.outputs if v not in own)
