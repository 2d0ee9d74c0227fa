"""Products of computed matrices: the second one in the order in which the kernel packs it fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.basic import reshape, transpose
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site, Stage

# A few thousand numbers are packed in the time that another operator takes to be called.
_FEWEST = 4096


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    y = op.operand(1)
    if operator.adj_y or y.is_const or y.dtype is not DType.FLOAT32:
        return None
    if y.producer is not None and isinstance(y.producer.operator, ops.Transpose):
        return "XNNPACK itself turns what a transpose makes"
    if not is_fixed(y.shape):
        return "its size is dynamic"
    if prod(y.shape) < _FEWEST:
        return "it is small"
    shaped = y.producer is not None and isinstance(y.producer.operator, ops.Reshape)
    return Site((y.producer, op) if y.producer is not None and shaped else (op,))


def _turned(b: Builder, site: Site) -> Value:
    """The second matrix turned, and the product told so. A reshape to other dimensions stands between the two: XNNPACK
    takes a transpose that only swaps the last two into the product, and packs the matrix as it was."""
    op = site.op
    operator: Any = op.operator
    x, y = op.operand(0), op.operand(1)
    source = y if len(site.ops) == 1 else site.ops[0].input
    *batch, rows, columns = y.shape
    front = (prod(batch),) if len(batch) > 1 else (1, *batch)
    last = len(front)
    turned = transpose(b, reshape(b, source, (*front, rows, columns)), (*range(last), last + 1, last))
    return b.emit(replace(operator, adj_y=True), x, reshape(b, turned, (*batch, columns, rows)))


def _product(batch: Sequence[int], rows: int, depth: int, columns: int) -> Example:
    def build(b: Builder) -> Value:
        return b.emit(ops.BatchMatmul(), feed(b, *batch, rows, depth), feed(b, *batch, depth, columns))

    return Example(f"{'x'.join(map(str, batch))}, {rows}x{depth} by {depth}x{columns}", build)


TURNED = Rule(
    name="second matrix turned",
    kind=Kind.ALWAYS,
    before="batch_matmul(x, y)",
    after="batch_matmul(x, reshape(transpose(y)), adj_y)",
    on=(ops.BatchMatmul,),
    match=_match,
    forms={"turned": _turned},
    stage=Stage.LAST,
    gain="3 heads, 197x197 by 197x64: 0.643 -> 0.555 ms; 192 windows, 49x49 by 49x32: 2.62 -> 2.18; 12 heads, 1x512 by "
    "512x64: 1.51 -> 0.62; 8 heads, 19x785 by 785x19: 0.751 -> 0.450; 1500x1500 by 1500x64: 65.0 -> 65.2",
    rests_on="the kernel, which packs the columns of a matrix number by number, and rows many at once",
    examples=[
        _product((1, 3), 197, 197, 64),
        _product((64, 3), 49, 49, 32),
        _product((1, 12), 128, 128, 64),
        _product((1, 12), 1, 512, 64),
        _product((8,), 19, 785, 19),
        _product((1, 4), 200, 200, 64),
        _product((1, 6), 1500, 1500, 64),
        _product((4, 8), 16, 16, 32),
        _product((), 64, 256, 256),
    ],
)
