"""Attention head by head: each layer writes the rows that the products read, and nothing is moved between them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Elementwise
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import concat, narrow, reshape, transpose
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of, with_weights
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.common import permutation

# As many values as XNNPACK's CONCATENATION takes, and two rounds of it.
_JOINED = 4
_HEADS = _JOINED**2

# By rank: [T,heads,D] and [heads,T,D], or the same of each of N.
_SWAPS = {3: (1, 0, 2), 4: (0, 2, 1, 3)}


def _match(graph: Graph, op: Op) -> Site | str | None:
    turn = op.input.producer
    if turn is None or not _swaps(turn) or not is_fixed(turn.input.shape):
        return None
    heads, _, size = turn.input.shape[-3:]
    found = _region(turn.input, heads)
    if found is None or not any(isinstance(each.operator, ops.BatchMatmul) for each in found):
        return None
    if op.output.shape[-1] != heads * size or not 1 < heads <= _HEADS:
        return f"{heads} heads are not put together behind it, or are too many"
    inside = {id(each) for each in (*found, turn, op)}
    site = Site(tuple(each for each in graph.ops if id(each) in inside))
    used = (user for each in site.ops[:-1] for v in each.outputs for user, _ in v.uses)
    seen = any(graph.is_output(v) for each in site.ops[:-1] for v in each.outputs)
    return "its parts are used elsewhere, too" if seen or any(id(user) not in inside for user in used) else site


def _swaps(op: Op) -> bool:
    """Whether it swaps the second and the third dimension from the end; those of one element may move as they like."""
    perm, shape = permutation(op), op.operand(0).shape
    if perm is None or len(shape) not in _SWAPS:
        return False
    moved, swapped = ([axis for axis in axes if shape[axis] != 1] for axes in (perm, _SWAPS[len(shape)]))
    return moved == swapped


def _is_common(value: Value) -> bool:
    """Whether all heads take the same of it."""
    return value.rank < 3 or value.shape[-3] == 1


def _region(value: Value, heads: int) -> list[Op] | None:
    """The operations between linear layers and `value`[...,heads,T,D], in which no head sees another; None where there
    is something else."""
    if value.is_const or _is_common(value):
        return []
    if source := _source(value, heads):
        return source
    op = value.producer
    if op is None or not isinstance(op.operator, ops.BatchMatmul | ops.Softmax | Elementwise):
        return None
    above = [_region(v, heads) for v in op.inputs if v is not None]
    return [*(each for ops_ in above for each in ops_ or ()), op] if None not in above else None


def _source(value: Value, heads: int) -> list[Op] | None:
    """The layer that makes `value`[...,heads,T,D], and how its results come there, last first."""
    cut = value.producer
    turn = cut.operand(1).producer if cut and isinstance(cut.operator, ops.Split) else cut
    shaped = turn.input.producer if turn and _swaps(turn) else None
    if turn is None or shaped is None or not isinstance(shaped.operator, ops.Reshape):
        return None
    made = shaped.input.producer
    if made is None or not is_linear(made) or made.output.shape[-1] != prod(shaped.output.shape[-2:]):
        return None
    if cut is None or cut is turn:
        return [turn, shaped, made] if value.shape[-3] == heads else None
    axis = cut.operand(0)
    is_cut = axis.is_const and int(axis.array) == value.rank - 3 and value.shape[-3] == heads
    return [cut, turn, shaped, made] if is_cut else None


def _by_head(b: Builder, site: Site) -> Value:
    turn = site.op.input.producer
    assert turn is not None
    heads = turn.input.shape[-3]
    results = [_of_head(b, turn.input, head, heads, {}) for head in range(heads)]
    while len(results) > 1:
        groups = (results[i : i + _JOINED] for i in range(0, len(results), _JOINED))
        results = [concat(b, group, turn.input.rank - 1) for group in groups]
    return reshape(b, results[0], site.op.output.shape)


def _of_head(b: Builder, value: Value, head: int, heads: int, known: dict[int, Value]) -> Value:
    """What of `value` one head computes, [...,1,T,D]; `known` has what it computed before."""
    if id(value) not in known:
        known[id(value)] = _computed(b, value, head, heads, known)
    return known[id(value)]


def _computed(b: Builder, value: Value, head: int, heads: int, known: dict[int, Value]) -> Value:
    if _is_common(value):
        return value
    if value.is_const:
        return narrow(b, value, value.rank - 3, head, 1)
    if source := _source(value, heads):
        part = source[0].outputs.index(value)
        return _rows(b, source[-1], part * heads + head, value.shape)
    op = value.producer
    assert op is not None
    inputs = [None if v is None else _of_head(b, v, head, heads, known) for v in op.inputs]
    return b.emit(op.operator, *inputs)


def _rows(b: Builder, linear: Op, head: int, shape: Sequence[int]) -> Value:
    """Results of a layer that are one head's, as [...,1,T,D]."""
    *batch, _, rows, size = shape
    of = slice(head * size, (head + 1) * size)
    operator: Any = linear.operator
    y = with_weights(b, linear, linear.input, matrix_of(linear)[of], bias_of(linear)[of], operator.activation)
    return reshape(b, y, (*batch, 1, rows, size))


def _attention(places: int, heads: int, size: int, batch: int = 1, merged: bool = False) -> Example:
    """Self-attention without its last layer; queries, keys and values by one layer, or one each."""
    channels = heads * size
    linear = ops.FullyConnected(keep_num_dims=True)

    def moved(b: Builder, x: Value, count: int) -> Value:
        y = layer(b, linear, x, count * channels, channels)
        return transpose(b, reshape(b, y, (batch, places, count * heads, size)), _SWAPS[4])

    def build(b: Builder) -> Value:
        x = feed(b, batch, places, channels)
        if merged:
            q, k, v = b.emit_many(ops.Split(num_splits=3), b.const(np.asarray(1, np.int32)), moved(b, x, 3))
        else:
            q, k, v = (moved(b, x, 1) for _ in range(3))
        scores = b.emit(ops.Mul(), b.emit(ops.BatchMatmul(adj_y=True), q, k), b.const(np.float32(1 / channels)))
        y = b.emit(ops.BatchMatmul(), b.emit(ops.Softmax(), scores), v)
        return reshape(b, transpose(b, y, _SWAPS[4]), (batch, places, channels))

    many = f"{batch} times " if batch > 1 else ""
    return Example(f"{many}{places} places, {heads} heads of {size}{', one layer' if merged else ''}", build)


BY_HEAD = Rule(
    name="attention by heads",
    kind=Kind.TUNED,
    before="attention of all heads, whose rows are moved together and back",
    after="attention of one head, ..., each with layers of its own; concat",
    on=(ops.Reshape,),
    match=_match,
    forms={"by head": _by_head},
    gain="197 places, 3 heads of 64: 2.86 -> 2.81 ms, 12 heads: 28.9 -> 28.4; 512 places, 8 heads: 50.3 -> 48.0; "
    "64 windows of 49 places, 3 heads of 32: 11.4 -> 10.6; with AVX-512 two blocks of ViT-B gain 1.20, "
    "and 1.15 by layers of parts",
    rests_on="the size of the caches, which a head's scores fit into, and how long moving rows takes beside products",
    tolerance=1e-5,
    examples=[
        _attention(197, 3, 64),
        _attention(197, 12, 64, merged=True),
        _attention(512, 8, 64),
        _attention(128, 12, 64),
        _attention(49, 3, 32, batch=64),
        _attention(64, 4, 64),
    ],
)
