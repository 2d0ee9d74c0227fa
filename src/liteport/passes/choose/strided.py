"""Slices with steps: whole blocks of which a part is taken, or rows by number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.basic import gather, ints, reshape, slice_
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site


def _match(graph: Graph, op: Op) -> Site | str | None:
    places = taken_places(op)
    if places is None:
        return "it adds or drops dimensions, or its bounds depend on a dynamic size"
    steps = [each.step for each in places]
    if max(steps) == 1:
        return None
    if min(steps) < 1:
        return "it goes backwards"
    return Site((op,)) if op.input.dtype in (DType.FLOAT32, DType.FLOAT16) else "it is not in floats"


def taken_places(op: Op) -> list[range] | None:
    """The places that a STRIDED_SLICE takes, by dimension; None where it adds or drops some, or a size is dynamic."""
    operator: Any = op.operator
    if operator.shrink_axis_mask or operator.new_axis_mask or operator.ellipsis_mask:
        return None
    if not all(v is not None and v.is_const and not v.has_sizes for v in op.inputs[1:]) or not is_fixed(op.input.shape):
        return None
    begin, end, steps = (op.operand(i).array.ravel().tolist() for i in (1, 2, 3))
    places = []
    for axis, size in enumerate(op.input.shape):
        first = None if operator.begin_mask >> axis & 1 else begin[axis]
        last = None if operator.end_mask >> axis & 1 else end[axis] + (first or 0 if operator.offset else 0)
        places.append(range(*slice(first, last, steps[axis]).indices(size)))
    return places


def _taken(site: Site) -> list[range]:
    places = taken_places(site.op)
    assert places is not None
    return places


def _blocks(b: Builder, site: Site) -> Value:
    """Every strided dimension, and all that follows it up to the next, as blocks of a step's size: a slice takes the
    same part of each, in one piece."""
    x, taken = site.op.input, _taken(site)
    at = [axis for axis, places in enumerate(taken) if places.step > 1]
    shape, begin, size = [prod(x.shape[: at[0]])], [0], [prod(x.shape[: at[0]])]
    for axis, following in pairwise([*at, x.rank]):
        places, inner = taken[axis], prod(x.shape[axis + 1 : following])
        block, first = divmod(places.start, places.step)
        shape += [x.shape[axis] // places.step, places.step * inner]
        begin += [block, first * inner]
        size += [len(places), inner]
    return reshape(b, slice_(b, reshape(b, x, shape), begin, size), site.op.output.shape)


def _gathered(b: Builder, site: Site) -> Value:
    """The places of each strided dimension by number."""
    taken = _taken(site)
    plain = [
        places if places.step == 1 else range(size) for places, size in zip(taken, site.op.input.shape, strict=True)
    ]
    y = slice_(b, site.op.input, [places.start for places in plain], [len(places) for places in plain])
    for axis, places in enumerate(taken):
        y = gather(b, y, list(places), axis) if places.step > 1 else y
    return y


def _candidates(site: Site) -> Sequence[str]:
    x, taken = site.op.input, _taken(site)
    pairs = list(zip(taken, x.shape, strict=True))
    whole = all(size % places.step == 0 if places.step > 1 else len(places) == size for places, size in pairs)
    if not whole:
        return ("gather",)
    return ("blocks", "gather") if taken[-1].step == 1 else ("gather", "blocks")  # of single elements, blocks gain less


def _every(shape: Sequence[int], steps: Sequence[int]) -> Example:
    def build(b: Builder) -> Value:
        x = feed(b, *shape)
        return b.emit(ops.StridedSlice(), x, ints(b, [0] * len(shape)), ints(b, shape), ints(b, steps))

    return Example(f"[{', '.join(f'::{step}' if step > 1 else ':' for step in steps)}] of {list(shape)}", build)


STRIDED_SLICES = Rule(
    name="slices with steps",
    kind=Kind.ALWAYS,
    before="x[:, ::2, ::2]",
    after="reshape(reshape(x)[:, :, 0:c, :, 0:c])",
    on=(ops.StridedSlice,),
    match=_match,
    forms={"blocks": _blocks, "gather": _gathered},
    candidates=_candidates,
    gain="[:, ::2, ::2, :] of 56x56x96: 1.02 -> 0.108 ms, of 28x28x64: 0.137 -> 0.016, of 55x55x64: 0.663 -> 0.071; "
    "[:, ::4, :] of 400x256: 0.275 -> 0.027; [:, :, :, ::2] of 20x90x128: 1.46 -> 0.650",
    rests_on="the kernel of STRIDED_SLICE, outside XNNPACK, moves single elements; slices and rows move in one piece",
    examples=[
        _every((1, 28, 28, 64), (1, 2, 2, 1)),
        _every((1, 56, 56, 96), (1, 2, 2, 1)),
        _every((1, 56, 56, 256), (1, 2, 2, 1)),
        _every((1, 55, 55, 64), (1, 2, 2, 1)),
        _every((1, 400, 256), (1, 4, 1)),
        _every((1, 20, 90, 128), (1, 1, 1, 2)),
        _every((1, 18, 44, 256), (1, 1, 1, 4)),
    ],
)
