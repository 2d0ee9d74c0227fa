"""Open sizes: a .tflite has -1 for them, and computes shapes with operators; the IR has Sizes.

The graph is inferred again from its inputs, whose shapes have Sizes. What its operators compute of shapes alone becomes
constants that hold Sizes. A size that only the data says (how many elements a mask leaves) is a symbol of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.errors import LiteportError, UnsupportedError
from liteport.ir import ops
from liteport.ir.dimensions import noted
from liteport.ir.graph import Graph, Module, Op, Value, constant
from liteport.ir.sizes import Space, is_fixed, larger, smaller
from liteport.ir.types import Array, DType, Shape, TensorType
from liteport.ir.witnesses import Range

_SIGNATURE = "shape_signature"
_FEW = 16
"""Numbers that a tensor of shapes has at most."""


def has_open(module: Module) -> bool:
    """Whether any value has a size that its file leaves open."""
    return any(-1 in _signature(value) for graph in module.graphs for value in _values(graph))


def opened(module: Module) -> Module:
    """The module of a file whose inputs leave sizes open: symbols of the names that the file's notes give them, or made
    of the inputs'. Two inputs have no size in common that no note tells of."""
    if not has_open(module):
        return module
    notes = noted(module)
    for graph in module.signatures:
        space, names = Space(), notes.get(str(graph.signature), {})
        shapes = [
            tuple(
                space.symbol(_name(name, axis, names.get(name, ())), n) if d == -1 else n
                for axis, (d, n) in enumerate(zip(_signature(value), value.shape, strict=True))
            )
            for name, value in zip(graph.input_names, graph.inputs, strict=True)
        ]
        open_sizes(module, graph, shapes, space)
    return module


def _name(name: str, axis: int, noted: Sequence[int | str]) -> str:
    told = noted[axis] if axis < len(noted) else None
    return told if isinstance(told, str) and told.isidentifier() else f"{name}_{axis}"


def open_sizes(module: Module, graph: Graph, shapes: Sequence[Shape], space: Space) -> None:
    """Gives the graph's inputs these shapes, and everything that hangs on them its own.

    Raises UnsupportedError where the values of a loop change a shape that hangs on an open size.
    """
    for value, shape in zip(graph.inputs, shapes, strict=True):
        _set_type(value, TensorType(value.dtype, tuple(shape)))
    for op in list(graph.ops):
        if (known := _known(op)) is not None:
            graph.replace(op, *known)
        elif op.name in _BODIES:
            _set_types(op, _BODIES[op.name](module, op, space))
        elif any(_is_open(value) for value in (*op.inputs, *op.outputs) if value is not None):
            _infer(graph, op, space)


def _values(graph: Graph) -> Iterator[Value]:
    yield from graph.inputs
    yield from (value for op in graph.ops for value in op.outputs)


def _signature(value: Value) -> Shape:
    """The shape with -1 for what the file leaves open."""
    found: Shape = value.extra.get(_SIGNATURE, value.shape)
    return found


def _is_open(value: Value) -> bool:
    return value.has_sizes or -1 in _signature(value) or not is_fixed(value.shape)


def _set_type(value: Value, type: TensorType) -> None:
    value.type = type
    value.extra.pop(_SIGNATURE, None)


def _set_types(op: Op, types: Sequence[TensorType]) -> None:
    for value, type in zip(op.outputs, types, strict=True):
        _set_type(value, type)


def _infer(graph: Graph, op: Op, space: Space) -> None:
    """The types of the results: by the operator's own rule, where that is not for the data to say."""
    try:
        types = op.operator.infer(*op.inputs)
    except LiteportError:  # or where sizes that will fit do not look so
        _set_types(op, [_fresh(value, space) for value in op.outputs])
        return
    _set_types(op, [_merged(value, type) for value, type in zip(op.outputs, types, strict=True)])
    if isinstance(op.operator, ops.Reshape):
        graph.set_input(op, 1, constant(np.array(op.output.shape, object)))


def _merged(value: Value, inferred: TensorType) -> TensorType:
    """The file's own sizes, and the inferred where it has none."""
    own = _signature(value)
    if len(own) != len(inferred.shape):
        return inferred
    return TensorType(value.dtype, tuple(n if d == -1 else d for d, n in zip(own, inferred.shape, strict=True)))


def _fresh(value: Value, space: Space) -> TensorType:
    """The file's own sizes, and new symbols where it has none."""
    sizes = zip(_signature(value), value.shape, strict=True)
    return TensorType(value.dtype, tuple(_symbol(space, n) if d == -1 else d for d, n in sizes))


def _symbol(space: Space, example: int) -> int:
    return space.symbol(f"n{len(space.symbols)}", example, Range(0))


def _while(module: Module, op: Op, space: Space) -> Sequence[TensorType]:
    """The inputs' types, but for sizes that change from turn to turn: the body leaves those open, the inputs do not."""
    assert isinstance(op.operator, ops.While)
    body = module.graph(op.operator.body_subgraph)
    grow = [
        [d == -1 and is_fixed([n]) for d, n in zip(_signature(inner), outer.shape, strict=True)]
        for inner, outer in zip(body.inputs, (v for v in op.inputs if v is not None), strict=True)
    ]
    types = [value.type for value in op.inputs if value is not None]
    for graph in (module.graph(op.operator.cond_subgraph), body):
        open_sizes(module, graph, [_grown(*each, space) for each in zip(types, grow, strict=True)], space)
    for type, grows, result in zip(types, grow, body.outputs, strict=True):
        if any(not g and d != n for g, d, n in zip(grows, type.shape, result.shape, strict=True)):
            raise UnsupportedError(
                f"{op.name} ({op.output.name}) changes a size that stays open: give all sizes, without --dynamic"
            )
    return [TensorType(t.dtype, _grown(t, grows, space)) for t, grows in zip(types, grow, strict=True)]


def _grown(type: TensorType, grows: Sequence[bool], space: Space) -> Shape:
    return tuple(_symbol(space, d) if g else d for d, g in zip(type.shape, grows, strict=True))


def _if(module: Module, op: Op, space: Space) -> Sequence[TensorType]:
    """The types of the results of both branches; a new symbol where they differ."""
    assert isinstance(op.operator, ops.If)
    branches = [module.graph(name) for name in (op.operator.then_subgraph, op.operator.else_subgraph)]
    for branch in branches:
        open_sizes(module, branch, [value.shape for value in op.inputs[1:] if value is not None], space)
    return [
        one.type if one.type == other.type else _fresh(value, space)
        for one, other, value in zip(*(branch.outputs for branch in branches), op.outputs, strict=True)
    ]


_BODIES: Mapping[str, Callable[[Module, Op, Space], Sequence[TensorType]]] = {"WHILE": _while, "IF": _if}


def _known(op: Op) -> list[Value] | None:
    """The results as constants, where they are shapes or computed from such alone."""
    if isinstance(op.operator, ops.Shape):
        return [_constant(np.array(op.input.shape, object), op.output)]
    rule = _RULES.get(op.name)
    values = [v for v in (*op.inputs, *op.outputs) if v is not None]
    if rule is None or not all(v.is_const for v in op.inputs if v is not None):
        return None
    if any(v.dtype not in (DType.INT32, DType.INT64) or v.type.size > _FEW for v in values):
        return None
    arrays = [v.array.astype(object) for v in op.inputs if v is not None]
    results = rule(op.operator, *arrays)
    return [_constant(np.asarray(array, object), value) for array, value in zip(results, op.outputs, strict=True)]


def _constant(array: Array, value: Value) -> Value:
    fixed = is_fixed(array.reshape(-1).tolist())
    return constant(array.astype(value.dtype.numpy) if fixed else array, value.name, value.dtype)


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[..., list[Any]]:
    vectorized = np.frompyfunc(function, 2, 1)
    return lambda operator, x, y: [vectorized(x, y)]


def _strided_slice(operator: ops.StridedSlice, x: Array, begin: Array, end: Array, strides: Array) -> list[Any]:
    """Of a vector, as shapes are."""
    if x.ndim != 1 or operator.ellipsis_mask or operator.new_axis_mask:
        raise UnsupportedError("a slice of shapes that are no vector, with a size that stays open")
    first, last, step = (int(each[0]) for each in (begin, end, strides))
    if operator.shrink_axis_mask:
        return [x[first]]
    return [x[slice(None if operator.begin_mask else first, None if operator.end_mask else last, step)]]


def _slice(operator: ops.Slice, x: Array, begin: Array, size: Array) -> list[Any]:
    index = tuple(slice(int(b), None if s == -1 else int(b) + int(s)) for b, s in zip(begin, size, strict=True))
    return [x[index]]


def _gather(operator: ops.Gather, x: Array, index: Array) -> list[Any]:
    return [np.take(x, index.astype(np.int64), operator.axis)]


def _product(operator: ops.ReduceProd, x: Array, axes: Array) -> list[Any]:
    """Of a vector, over its only axis."""
    if x.ndim != 1:
        raise UnsupportedError("a product of shapes that are no vector, with a size that stays open")
    return [np.array(prod(x.tolist()), object).reshape((1,) if operator.keep_dims else ())]


def _segment_products(operator: ops.Operator, x: Array, segments: Array, count: Array) -> list[Any]:
    """Of a vector: one product for each segment, as TensorFlow merges dimensions in an einsum."""
    return [np.array([prod(x[segments == n].tolist()) for n in range(int(count.item()))], object)]


# What is computed of shapes, with Sizes among the numbers. Divisions are of positive numbers.
_RULES: Mapping[str, Callable[..., Sequence[Any]]] = {
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "GATHER": _gather,
    "REDUCE_PROD": _product,
    "UNSORTED_SEGMENT_PROD": _segment_products,
    "PACK": lambda operator, *xs: [np.stack(xs, operator.axis)],
    "UNPACK": lambda operator, x: [np.take(x, i, operator.axis) for i in range(operator.num)],
    "CONCATENATION": lambda operator, *xs: [np.concatenate(xs, operator.axis)],
    "RESHAPE": lambda operator, x, shape: [x.reshape([int(d) for d in shape])],
    "EXPAND_DIMS": lambda operator, x, axis: [np.expand_dims(x, int(axis.item()))],
    "SQUEEZE": lambda operator, x: [x.reshape([d for d in x.shape if d != 1])],
    "CAST": lambda operator, x: [x],
    "ADD": _elementwise(lambda a, b: a + b),
    "SUB": _elementwise(lambda a, b: a - b),
    "MUL": _elementwise(lambda a, b: a * b),
    "FLOOR_DIV": _elementwise(lambda a, b: a // b),
    "DIV": _elementwise(lambda a, b: a // b),
    "MAXIMUM": _elementwise(larger),
    "MINIMUM": _elementwise(smaller),
}
