"""Transposes of at most four dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import reshape, transpose
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site

_MOST = 4


def _match(graph: Graph, op: Op) -> Site | str | None:
    if op.input.rank <= _MOST or not op.operand(1).is_const:
        return None
    return Site((op,)) if is_fixed(op.input.shape) else "its size is dynamic"


def _in_steps(b: Builder, site: Site) -> Value:
    """One transpose of what moves together, or a few that each move one block of dimensions forward."""
    op = site.op
    y = op.input
    shape, perm = _merged(op.input.shape, op.operand(1).array.tolist())
    settled: list[int] = []
    while perm != sorted(perm):
        if len(settled) + len(shape) <= _MOST or (settled and 1 + len(shape) <= _MOST):
            front = [prod(settled)] if settled else []
            order = [*range(len(front)), *(len(front) + p for p in perm)]
            y = transpose(b, reshape(b, y, (*front, *shape)), order)
            break
        first = perm[0]
        before, block, after = prod(shape[:first]), shape[first], prod(shape[first + 1 :])
        y = transpose(b, reshape(b, y, (prod(settled), before, block, after)), [0, 2, 1, 3])
        settled.append(block)
        shape, perm = _merged([d for i, d in enumerate(shape) if i != first], [p - (p > first) for p in perm[1:]])
    return reshape(b, y, op.output.shape)


def _merged(shape: Sequence[int], perm: Sequence[int]) -> tuple[list[int], list[int]]:
    """The same movement with dimensions as one that stay side by side, and without those of one element."""
    kept = [p for p in perm if shape[p] > 1]
    runs: list[list[int]] = []
    places = {old: new for new, old in enumerate(sorted(kept))}
    for p in kept:
        if runs and places[p] == places[runs[-1][-1]] + 1:
            runs[-1].append(p)
        else:
            runs.append([p])
    order = sorted(range(len(runs)), key=lambda i: runs[i][0])
    return [prod(shape[p] for p in runs[i]) for i in order], [order.index(i) for i in range(len(runs))]


def _transposed(shape: Sequence[int], perm: Sequence[int]) -> Example:
    def build(b: Builder) -> Value:
        x = feed(b, *shape)
        return b.emit(ops.Transpose(), x, b.const(np.asarray(perm, np.int32)))

    return Example(f"{'x'.join(map(str, shape))} by {' '.join(map(str, perm))}", build)


TRANSPOSE_IN_STEPS = Rule(
    name="transpose of four dimensions",
    kind=Kind.PLAIN,
    before="transpose(x[a,b,c,d,e,f])",
    after="transposes of at most four dimensions, between reshapes",
    on=(ops.Transpose,),
    match=_match,
    forms={"steps": _in_steps},
    gain="none: as fast where one is enough",
    rests_on="GPU delegates, NPUs and microcontrollers, whose kernels take four",
    tolerance=0.0,
    examples=[
        _transposed((1, 8, 7, 8, 7, 96), (0, 1, 3, 2, 4, 5)),
        _transposed((2, 3, 4, 5, 6), (4, 2, 0, 3, 1)),
        _transposed((2, 3, 4, 5, 6, 7), (5, 4, 3, 2, 1, 0)),
        _transposed((3, 1, 49, 3, 32), (3, 0, 1, 2, 4)),
        _transposed((2, 3, 4, 5, 6), (0, 1, 3, 2, 4)),
    ],
)
