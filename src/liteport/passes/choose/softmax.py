"""Softmaxes that their kernels are slow at, written as what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.basic import reduce, transpose
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.common import permutation

_SHORT = 128  # With longer rows, the kernel that does all in one is ahead on every machine.


def _match_short(graph: Graph, op: Op) -> Site | str | None:
    if not _is_plain(op):
        return None
    short = is_fixed(op.input.shape[-1:]) and op.input.shape[-1] <= _SHORT
    return Site((op,)) if short else "its rows are long"


def _is_plain(op: Op) -> bool:
    operator: Any = op.operator
    return operator.beta == 1 and op.input.dtype is DType.FLOAT32


def _composed(b: Builder, x: Value, axis: int) -> Value:
    """exp(x - max) over its sum, along `axis`."""
    y = b.emit(ops.Exp(), b.emit(ops.Sub(), x, reduce(b, ops.ReduceMax, x, [axis], keep_dims=True)))
    return b.emit(ops.Div(), y, reduce(b, ops.Sum, y, [axis], keep_dims=True))


def _along_rows(b: Builder, site: Site) -> Value:
    return _composed(b, site.op.input, site.op.input.rank - 1)


def _match_across(graph: Graph, op: Op) -> Site | str | None:
    softmax = graph.sole_maker(op.input, op)
    there = graph.sole_maker(softmax.input, softmax) if softmax and isinstance(softmax.operator, ops.Softmax) else None
    order = permutation(there)
    if softmax is None or there is None or order is None or not _is_plain(softmax):
        return None
    if tuple(np.argsort(order)) != permutation(op):
        return "it is turned another way than back"
    return Site((there, softmax, op))


def _across(b: Builder, site: Site) -> Value:
    there = site.ops[0]
    order = permutation(there)
    assert order is not None
    return _composed(b, there.input, order[-1])


def _match_log(graph: Graph, op: Op) -> Site | None:
    return Site((op,)) if op.input.dtype is DType.FLOAT32 else None


def _log(b: Builder, site: Site) -> Value:
    x, last = site.op.input, site.op.input.rank - 1
    y = b.emit(ops.Sub(), x, reduce(b, ops.ReduceMax, x, [last], keep_dims=True))
    total = reduce(b, ops.Sum, b.emit(ops.Exp(), y), [last], keep_dims=True)
    return b.emit(ops.Sub(), y, b.emit(ops.Log(), total))


def _of(operator: Operator, *shape: int, axis: int = -1) -> Example:
    """The function along `axis`, between transposes where that is not the last."""
    axis %= len(shape)
    perm = [*(i for i in range(len(shape)) if i != axis), axis]

    def build(b: Builder) -> Value:
        x = feed(b, *shape)
        return transpose(b, b.emit(operator, transpose(b, x, perm)), np.argsort(perm).tolist())

    along = f" along {axis}" if axis < len(shape) - 1 else ""
    return Example("x".join(map(str, shape)) + along, build)


ACROSS = Rule(
    name="softmax across rows",
    kind=Kind.ALWAYS,
    before="transpose(softmax(transpose(x)))",
    after="exp(x - max(x)) / sum(exp(x - max(x))) along that dimension",
    on=(ops.Transpose,),
    match=_match_across,
    forms={"composed": _across},
    gain="28x28x64 along 1: 0.261 -> 0.104 ms; 8x784x32: 0.541 -> 0.391; 8x197x64: 0.294 -> 0.191; "
    "21x4096: 0.466 -> 0.168",
    rests_on="SOFTMAX works along the last dimension, and numbers are moved there and back",
    examples=[
        _of(ops.Softmax(), 1, 28, 28, 64, axis=1),
        _of(ops.Softmax(), 1, 64, 28, 28, axis=1),
        _of(ops.Softmax(), 1, 8, 784, 32, axis=2),
        _of(ops.Softmax(), 1, 8, 197, 64, axis=2),
        _of(ops.Softmax(), 1, 21, 4096, axis=1),
    ],
)

SHORT_SOFTMAX = Rule(
    name="softmax of short rows",
    kind=Kind.TUNED,
    before="softmax(x)",
    after="exp(x - max(x)) / sum(exp(x - max(x)))",
    on=(ops.Softmax,),
    match=_match_short,
    forms={"composed": _along_rows},
    gain="3136x9: 0.246 -> 0.186 ms, 8400x4x16: 2.07 -> 1.96, 64x3x49x49: 1.29 -> 1.33; with AVX-512, "
    "rows of 49 to 77: 0.19 -> 0.14",
    rests_on="what the kernel takes to begin a row",
    examples=[
        _of(ops.Softmax(), 3136, 9),
        _of(ops.Softmax(), 64, 3, 49, 49),
        _of(ops.Softmax(), 1, 12, 77, 77),
        _of(ops.Softmax(), 1000, 4, 16),
    ],
)

LOG_SOFTMAX = Rule(
    name="logarithm of a softmax",
    kind=Kind.TUNED,
    before="log_softmax(x)",
    after="y - log(sum(exp(y))) where y is x - max(x)",
    on=(ops.LogSoftmax,),
    match=_match_log,
    forms={"composed": _log},
    gain="197x768: 0.375 -> 0.273 ms, 200x29: 0.025 -> 0.022; 64x32000: 7.55 -> 8.17; with AVX-512 197x768: "
    "0.076 -> 0.033",
    rests_on="LOG_SOFTMAX is outside XNNPACK, whose passes over the numbers pay where vectors are wide",
    tolerance=5e-6,
    examples=[_of(ops.LogSoftmax(), 197, 768), _of(ops.LogSoftmax(), 200, 29), _of(ops.LogSoftmax(), 1, 1000)],
)
