"""Linear layers over joined channels: a layer for each of what is joined, and their sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering.basic import concat
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.linear import bias_of, is_linear, matrix_of, with_weights
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.choose.sums import CLAMPS, sum_of


def _match(graph: Graph, op: Op) -> Site | str | None:
    join = graph.sole_maker(op.input, op) if is_linear(op) else None
    if join is None or not isinstance(join.operator, ops.Concatenation):
        return None
    operator: Any = op.operator
    if join.operator.axis % op.input.rank != op.input.rank - 1 or join.operator.activation is not Activation.NONE:
        return "it is not joined along the channels"
    if len(join.inputs) < 2 or not is_fixed(v.shape[-1] for v in _parts(join)):
        return "the channels that are joined are not counted"
    return Site((join, op)) if operator.activation in (Activation.NONE, *CLAMPS) else "its activation is no clamp"


def _parts(join: Op) -> list[Value]:
    return [v for v in join.inputs if v is not None]


def _sum(b: Builder, site: Site) -> Value:
    join, op = site.ops
    operator: Any = op.operator
    parts = _parts(join)
    columns = np.split(matrix_of(op), np.cumsum([part.shape[-1] for part in parts])[:-1], axis=1)

    def term(part: tuple[Value, Array], bias: Value) -> Value:
        return with_weights(b, op, *part, bias.array, Activation.NONE)

    return sum_of(b, zip(parts, columns, strict=True), term, b.const(bias_of(op)), operator.activation)


def _joined(count: int, size: int, channels: int, outputs: int) -> Example:
    def build(b: Builder) -> Value:
        x = concat(b, [feed(b, 1, size, size, channels) for _ in range(count)], 3)
        return layer(b, ops.Conv2D(activation=Activation.RELU), x, outputs, 1, 1, count * channels)

    return Example(f"{count} x {channels} of {size}x{size} to {outputs}", build)


JOINED = Rule(
    name="1x1 after joining",
    kind=Kind.TUNED,
    before="conv(concat(x, y), 1x1)",
    after="conv(x, 1x1) + conv(y, 1x1)",
    on=(ops.Conv2D, ops.FullyConnected),
    match=_match,
    forms={"sum": _sum},
    gain="2 x 64 of 56x56 to 64: 2.14 -> 2.03 ms, 8 x 32: 4.91 -> 4.64, 2 x 64 to 128: 3.93 -> 4.08; with AVX-512 "
    "2 x 64 of 56x56: 0.548 -> 0.460, 8 x 32 loses",
    rests_on="what copies cost beside products and sums",
    tolerance=5e-6,
    examples=[_joined(2, 56, 64, 64), _joined(2, 28, 256, 256), _joined(4, 40, 64, 128), _joined(8, 56, 32, 64)],
)
