"""Large windows of a maximum: along the rows, then along the columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.types import DType
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site

_GAIN = 2.2  # times as many comparisons at least: two kernels take more than one


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    height, width = operator.filter
    if height * width < _GAIN * (width * operator.stride[0] + height):
        return None
    return Site((op,)) if op.input.dtype is DType.FLOAT32 else "it is not in floats"


def _in_turn(b: Builder, site: Site) -> Value:
    """The maximum of each row of a window, then of those: k + k comparisons where a window has k * k."""
    operator: Any = site.op.operator
    (down, across), (height, width) = operator.stride, operator.filter
    rows = replace(operator, stride=(1, across), filter=(1, width), activation=Activation.NONE)
    columns = replace(operator, stride=(down, 1), filter=(height, 1))
    return b.emit(columns, b.emit(rows, site.op.input))


def _pool(size: int, channels: int, kernel: int, stride: int = 1, padding: Padding = Padding.SAME) -> Example:
    def build(b: Builder) -> Value:
        return b.emit(ops.MaxPool2D(padding, (stride, stride), (kernel, kernel)), feed(b, 1, size, size, channels))

    name = f"{kernel}x{kernel}" + f" s{stride}" * (stride > 1)
    return Example(f"{name} on {size}x{size}x{channels}", build)


MAX_IN_TURN = Rule(
    name="maximum by rows and columns",
    kind=Kind.ALWAYS,
    before="max_pool(x, 5x5)",
    after="max_pool(max_pool(x, 1x5), 5x1)",
    on=(ops.MaxPool2D,),
    match=_match,
    forms={"in turn": _in_turn},
    gain="5x5 on 13x13x256: 0.103 -> 0.073 ms, 9x9: 0.285 -> 0.075, 13x13: 0.582 -> 0.132; "
    "9x9 s2 on 112x112x32: 0.958 -> 0.435",
    rests_on="the number of comparisons",
    tolerance=0.0,
    examples=[
        _pool(13, 256, 5),
        _pool(13, 256, 9),
        _pool(13, 256, 13),
        _pool(20, 128, 5),
        _pool(40, 128, 5, padding=Padding.VALID),
        _pool(40, 64, 7, 2, Padding.VALID),
        _pool(112, 32, 9, 2),
    ],
)
