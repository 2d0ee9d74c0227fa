"""validate: does a graph keep the IR's rules? Run after every pass in tests and under --debug."""

from __future__ import annotations

from liteport.errors import InvalidGraphError
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import NotInferred


def validate(graph: Graph) -> None:
    """Check links, order and types of `graph`. Raises InvalidGraphError for the first rule that does not hold."""
    _check_border(graph)
    members = {id(op) for op in graph.ops}
    defined = {id(value) for value in graph.inputs}
    for op in graph.ops:
        for index, operand in enumerate(op.inputs):
            if operand is not None:
                _check_operand(graph, op, index, operand, defined)
        for index, result in enumerate(op.outputs):
            if result.producer is not op or result.index != index:
                raise _error(graph, op, f"its result {result.name} does not know it as its producer")
            if id(result) in defined:
                raise _error(graph, op, f"{result.name} is made twice")
            defined.add(id(result))
            _check_uses(graph, result, members)
        _check_types(graph, op)
    for value in graph.outputs:
        if id(value) not in defined and not value.is_const:
            raise InvalidGraphError(f"graph {graph.name}: output {value.name} is made by none of its operations")


def _check_border(graph: Graph) -> None:
    if len({id(value) for value in graph.inputs}) != len(graph.inputs):
        raise InvalidGraphError(f"graph {graph.name}: an input stands twice")
    for value in graph.inputs:
        if value.producer is not None:
            raise InvalidGraphError(f"graph {graph.name}: input {value.name} has a producer")
        _check_uses(graph, value, {id(op) for op in graph.ops})
    if graph.signature is None:
        return
    for what, values, names in (
        ("input", graph.inputs, graph.input_names),
        ("output", graph.outputs, graph.output_names),
    ):
        if len(values) != len(names):
            raise InvalidGraphError(f"graph {graph.name}: {len(values)} {what}s and {len(names)} names for them")


def _check_operand(graph: Graph, op: Op, index: int, value: Value, defined: set[int]) -> None:
    uses = sum(1 for user, place in value.uses if user is op and place == index)
    if uses != 1:
        raise _error(graph, op, f"input {index}, {value.name}, counts this use {uses} times")
    if value.is_const:
        _check_constant(graph, op, value)
    elif id(value) not in defined and not value.variable:
        raise _error(graph, op, f"input {index}, {value.name}, is not made before it")


def _check_constant(graph: Graph, op: Op, value: Value) -> None:
    if value.producer is not None:
        raise _error(graph, op, f"constant {value.name} has a producer")
    if not value.dtype.is_raw and "sparsity" not in value.extra and value.array.shape != value.shape:
        raise _error(graph, op, f"constant {value.name} is {value.type}, its data {value.array.shape}")


def _check_uses(graph: Graph, value: Value, members: set[int]) -> None:
    for user, index in value.uses:
        if id(user) not in members or user.inputs[index] is not value:
            raise InvalidGraphError(f"graph {graph.name}: {value.name} knows a use by {user!r} that is none")


def _check_types(graph: Graph, op: Op) -> None:
    """The results' types against `infer`, where the operator can tell them and no dimension is dynamic."""
    values = [v for v in (*op.inputs, *op.outputs) if v is not None]
    if any(-1 in v.extra.get("shape_signature", ()) for v in values):
        return
    try:
        types = op.operator.infer(*op.inputs)
    except NotInferred:
        return
    except InvalidGraphError as error:
        raise _error(graph, op, str(error)) from error
    found = tuple(v.type for v in op.outputs)
    if found != types:
        raise _error(graph, op, f"results {', '.join(map(str, found))} should be {', '.join(map(str, types))}")


def _error(graph: Graph, op: Op, why: str) -> InvalidGraphError:
    place = f" {op.source}" if str(op.source) else ""
    return InvalidGraphError(f"graph {graph.name}: {op!r}{place}: {why}")
