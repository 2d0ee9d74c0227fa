"""sink_ones: a dimension of 1 that kernels add stays until what is made of their results is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Elementwise, Operator, Reduction
from liteport.ir.types import Array
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass

# Convolutions, poolings and resizes of planes take this rank.
_PLANES = 4

Form = tuple[Operator, Mapping[int, Array]]
"""An operator, and those of its constant operands that are others."""


@dataclass(frozen=True)
class SinkOnes(Pass):
    """conv(reshape(pad(reshape(conv(x), [1,W,C])), [1,1,W+2,C]))   =>   conv(pad(conv(x)))

    A one-dimensional convolution is a two-dimensional one between two reshapes. What pads, cuts, joins, reduces or
    computes between two of them runs on four dimensions as well; padding then stands beside the kernel that takes
    it in. A reshape that only drops a dimension of 1 costs next to nothing, so it may have other users.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            rule = _rule_for(op)
            data = [v for v in op.inputs if v is not None and not v.is_const]
            axis = _dropped(data) if rule is not None else None
            if rule is None or axis is None:
                continue
            if why := _blocked(op):
                self.decline(op, why)
                continue
            _sink(graph, op, axis, rule(op, axis))
            changed = True
        return changed


def _dropped(values: list[Value]) -> int | None:
    """The dimension of 1 that reshapes drop from four to make all of `values`; None where anything else makes one."""
    found = {_dropped_from(value) for value in values}
    return found.pop() if len(found) == 1 else None


def _dropped_from(value: Value) -> int | None:
    maker = value.producer
    if maker is None or not isinstance(maker.operator, ops.Reshape) or maker.input.rank != _PLANES:
        return None
    shape = maker.input.shape
    # Of several dimensions of 1 it is the one that kernels of planes have beside the batch.
    return next((i for i in (1, 2) if shape[i] == 1 and (*shape[:i], *shape[i + 1 :]) == value.shape), None)


def _blocked(op: Op) -> str:
    """Why the operation stays as it is; empty where it need not."""
    values = [v for v in (*op.inputs, *op.outputs) if v is not None]
    if any(v.quantization is not None or v.dtype.is_raw for v in values):
        return "its numbers are quantised"
    return "it depends on a dynamic size" if any(v.is_const and v.has_sizes for v in values) else ""


def _sink(graph: Graph, op: Op, axis: int, form: Form) -> None:
    """The operation on what is reshaped, and reshapes of its results."""
    operator, arrays = form
    b = Builder(graph, op)
    inputs: list[Value | None] = []
    for index, value in enumerate(op.inputs):
        made = value.producer if value is not None else None
        inputs.append(b.const(arrays[index]) if index in arrays else made.input if made is not None else value)
    results = b.emit_many(operator, *inputs)
    for old, new in zip(op.outputs, results, strict=True):
        new.name = old.name
    graph.replace(op, *(reshape(b, new, old.shape) for old, new in zip(op.outputs, results, strict=True)))


# How each kind of operation runs with one more dimension at `axis`


def _elementwise(op: Op, axis: int) -> Form:
    """Constants are lined up with the last dimensions, and so need the new one only in front of it."""
    consts = {i: v.array for i, v in enumerate(op.inputs) if v is not None and v.is_const}
    after = _PLANES - 1 - axis
    deep = {i: a for i, a in consts.items() if a.ndim > after}
    return op.operator, {i: np.expand_dims(a, a.ndim - after) for i, a in deep.items()}


def _reduced(op: Op, axis: int) -> Form:
    """A result without the dimensions that are reduced does not have the new one either."""
    operator: Any = op.operator
    _, arrays = _axes_at(1)(op, axis)
    axes = arrays[1] if operator.keep_dims else np.append(arrays[1], np.int32(axis))
    return op.operator, {1: np.sort(axes)}


def _axes_at(index: int) -> Callable[[Op, int], Form]:
    """Axes in a constant operand."""

    def form(op: Op, axis: int) -> Form:
        have = op.operand(index).array
        axes = np.where(have < 0, have + _PLANES - 1, have)
        return op.operator, {index: (axes + (axes >= axis)).astype(have.dtype)}

    return form


def _rows_at(*fills: tuple[int, int]) -> Callable[[Op, int], Form]:
    """A row for each dimension in constant operands, with the numbers that leave the new one as it is."""

    def form(op: Op, axis: int) -> Form:
        return op.operator, {index: np.insert(op.operand(index).array, axis, fill, axis=0) for index, fill in fills}

    return form


def _joined(op: Op, axis: int) -> Form:
    operator: Any = op.operator
    along = operator.axis % (_PLANES - 1)
    return replace(operator, axis=along + (along >= axis)), {}


_RULES: Mapping[type[Operator], Callable[[Op, int], Form]] = {
    ops.Pad: _rows_at((1, 0)),
    ops.PadV2: _rows_at((1, 0)),
    ops.MirrorPad: _rows_at((1, 0)),
    ops.Slice: _rows_at((1, 0), (2, 1)),
    ops.Split: _axes_at(0),
    ops.SplitV: _axes_at(2),
    ops.Concatenation: _joined,
}


def _rule_for(op: Op) -> Callable[[Op, int], Form] | None:
    if isinstance(op.operator, Elementwise) and not isinstance(op.operator, ops.Select):
        return _elementwise
    return _reduced if isinstance(op.operator, Reduction) else _RULES.get(type(op.operator))
