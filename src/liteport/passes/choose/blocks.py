"""Neighbouring places put together as channels, which arrive as one slice with steps for each place of a block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any, NamedTuple

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType
from liteport.lowering.basic import concat, reshape, strided_slice, transpose
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site, Stage
from liteport.passes.choose.strided import taken_places

_MOST_DIMENSIONS = ops.Transpose.max_rank


class _Part(NamedTuple):
    """Of x, along each dimension, every `step`th element from `first` on, by the operations `made`."""

    x: Value
    first: tuple[int, ...]
    step: tuple[int, ...]
    made: tuple[Op, ...] = ()


class _Blocks(NamedTuple):
    """x in blocks of `step` along the dimensions `axes`, the outer one in the order of the parts first."""

    x: Value
    step: tuple[int, ...]
    axes: tuple[int, ...]


def _match(graph: Graph, op: Op) -> Site | str | None:
    parts = _parts(op)
    step, rank = parts[0].step, op.output.rank
    if not any(n > 1 for n in step) or op.output.dtype is not DType.FLOAT32:
        return None
    blocks = _blocks(op)
    if isinstance(blocks, str):
        return blocks
    if rank + len(blocks.axes) > _MOST_DIMENSIONS:
        return "it has too many dimensions"
    return Site((*dict.fromkeys(made for part in parts for made in part.made), op))


def _parts(op: Op) -> list[_Part]:
    return [_part(v) for v in op.inputs if v is not None]


def _part(value: Value) -> _Part:
    """What `value` is a part of, through slices with steps."""
    made = value.producer
    places = taken_places(made) if made is not None and isinstance(made.operator, ops.StridedSlice) else None
    if made is None or places is None or min(p.step for p in places) < 1:
        return _Part(value, (0,) * value.rank, (1,) * value.rank)
    inner = _part(made.input)
    pairs = list(zip(places, inner.first, inner.step, strict=True))
    first = tuple(p.start * step + at for p, at, step in pairs)
    return _Part(inner.x, first, tuple(p.step * step for p, _, step in pairs), (*inner.made, made))


def _blocks(op: Op) -> _Blocks | str:
    """What is put together; why not, where some of it is missing or in another order."""
    operator: Any = op.operator
    parts, along = _parts(op), operator.axis % op.output.rank
    x, _, step, _ = parts[0]
    if any(part.x is not x or part.step != step for part in parts) or step[along] > 1:
        return "its parts are no blocks of one value"
    axes = [axis for axis, n in enumerate(step) if n > 1]
    if any(x.shape[axis] % step[axis] for axis in axes) or x.type.size != op.output.type.size:
        return "the blocks are not all of what they are cut from"
    firsts = [part.first for part in parts]
    orders = (order for order in permutations(axes) if firsts == _places(order, step))
    order = next(orders, None)
    return "its parts are in no order of dimensions" if order is None else _Blocks(x, step, order)


def _places(axes: Sequence[int], step: Sequence[int]) -> list[tuple[int, ...]]:
    """Where the parts begin, the first of `axes` as the outer one."""
    places = product(*(range(step[axis]) for axis in axes))
    return [tuple(dict(zip(axes, place, strict=True)).get(i, 0) for i in range(len(step))) for place in places]


def _together(b: Builder, site: Site) -> Value:
    """Each dimension in blocks as two, of which the inner ones go in front of the channels."""
    operator: Any = site.op.operator
    blocks = _blocks(site.op)
    assert isinstance(blocks, _Blocks)
    x, step, axes = blocks
    along = operator.axis % x.rank
    if axes == (1, 2) and along == 3 == x.rank - 1 and step[1] == step[2]:
        return b.emit(ops.SpaceToDepth(block_size=step[1]), x)
    shape: list[int] = []
    outer, inner = {}, {}
    for axis, size in enumerate(x.shape):
        outer[axis] = len(shape)
        shape.append(size // step[axis])
        if step[axis] > 1:
            inner[axis] = len(shape)
            shape.append(step[axis])
    perm = [*(outer[i] for i in range(along)), *(inner[i] for i in axes), *(outer[i] for i in range(along, x.rank))]
    return reshape(b, transpose(b, reshape(b, x, shape), perm), site.op.output.shape)


def _cut(shape: Sequence[int], axes: Sequence[int], along: int, block: int = 2) -> Example:
    """Blocks along `axes`, the first the outer one, as channels in dimension `along`."""

    def part(b: Builder, x: Value, place: Sequence[int]) -> Value:
        for axis in sorted(axes):
            x = strided_slice(b, x, axis, place[axis], x.shape[axis], block)
        return x

    def build(b: Builder) -> Value:
        x = feed(b, *shape)
        step = [block if i in axes else 1 for i in range(len(shape))]
        return concat(b, [part(b, x, place) for place in _places(axes, step)], along)

    return Example(f"{block} along {' and '.join(map(str, axes))} of {'x'.join(map(str, shape))}", build)


BLOCKS = Rule(
    name="blocks as channels",
    kind=Kind.ALWAYS,
    before="concat(x[:, ::2, ::2], x[:, 1::2, ::2], x[:, ::2, 1::2], x[:, 1::2, 1::2])",
    after="space_to_depth(x), or a transpose where columns come first",
    on=(ops.Concatenation,),
    match=_match,
    forms={"together": _together},
    gain="2 along 2 and 1 of 56x56x96: 0.608 -> 0.291 ms, along 1 and 2 of 14x14x384: 0.083 -> 0.039, along 2 and 3 of "
    "3x320x320: 2.08 -> 1.18; 4 along 1 and 2 of 64x64x16: 0.120 -> 0.034",
    rests_on="one pass over the numbers in place of two, and no kernel that moves single elements",
    stage=Stage.EARLY,
    tolerance=0.0,
    examples=[
        _cut((1, 56, 56, 96), (2, 1), 3),
        _cut((1, 28, 28, 192), (2, 1), 3),
        _cut((1, 14, 14, 384), (1, 2), 3),
        _cut((1, 3, 320, 320), (3, 2), 1),
        _cut((1, 3, 320, 320), (2, 3), 1),
        _cut((1, 64, 64, 16), (1, 2), 3, 4),
        _cut((1, 400, 80), (1,), 2),
    ],
)
