"""Movements: reshaping, permuting, expanding, joining, cutting, repeating, padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, axis_of, known, numbers, one_of
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.ops.base import broadcast
from liteport.ir.types import DType
from liteport.lowering import basic, joining, operands, padding, rearranging
from liteport.lowering.convolution import depth_to_space as blocks_to_space

_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def identity(b: OnnxBuilder, x: Value) -> Value:
    """Identity(input)"""
    return x


def dropout(
    b: OnnxBuilder,
    x: Value,
    ratio: Value | None = None,
    training: Value | None = None,
    *,
    seed: int = 0,
    **_: float,
) -> tuple[Value, ...]:
    """Dropout(data, ratio, training_mode): the data itself, where it is not training; the mask is true everywhere."""
    if (
        training is not None
        and known(training, "a mode").any()
        and not (ratio is not None and not known(ratio, "a ratio").any())
    ):
        raise UnsupportedError("dropout in training mode: export the model in eval mode")
    return (x, basic.filled(b, x.type._replace(dtype=DType.BOOL), True)) if b.wants(1) else (x,)


def reshape(
    b: OnnxBuilder, x: Value, at: Value | None = None, *, allowzero: int = 0, shape: Sequence[int] | None = None
) -> Value:
    """Reshape(data, shape, allowzero=0); the shape was an attribute at first."""
    if at is not None and at.data is None:
        hint = b.hint(0)
        if hint is None:
            raise UnsupportedError("a shape that is computed when the model runs: make it constant")
        return basic.reshape(b, x, hint.shape)
    target = numbers(at, shape, "a shape") or []
    if not allowzero:
        target = [x.shape[i] if n == 0 and i < x.rank else n for i, n in enumerate(target)]
    return basic.reshape(b, x, _completed(target, x.type.size))


def _completed(target: Sequence[int], size: int) -> list[int]:
    """The shape with its -1 worked out."""
    rest = prod(n for n in target if n != -1)
    return [size // rest if n == -1 and rest != 0 else n for n in target]


def flatten(b: OnnxBuilder, x: Value, *, axis: int = 1) -> Value:
    """Flatten(input, axis=1)"""
    at = axis + x.rank if axis < 0 else axis
    return basic.reshape(b, x, (prod(x.shape[:at]), prod(x.shape[at:])))


def squeeze(b: OnnxBuilder, x: Value, at: Value | None = None, *, axes: Sequence[int] | None = None) -> Value:
    """Squeeze(data, axes); the axes were an attribute at first, and all dimensions of 1 where there are none."""
    given = numbers(at, axes, "axes")
    gone = {axis_of(a, x.rank) for a in given} if given else {i for i, d in enumerate(x.shape) if d == 1}
    return basic.reshape(b, x, [d for i, d in enumerate(x.shape) if i not in gone])


def unsqueeze(b: OnnxBuilder, x: Value, at: Value | None = None, *, axes: Sequence[int] | None = None) -> Value:
    """Unsqueeze(data, axes); the axes were an attribute at first."""
    given = numbers(at, axes, "axes") or []
    rank = x.rank + len(given)
    new, left = {axis_of(a, rank) for a in given}, iter(x.shape)
    return basic.reshape(b, x, [1 if i in new else next(left) for i in range(rank)])


def transpose(b: OnnxBuilder, x: Value, *, perm: Sequence[int] | None = None) -> Value:
    """Transpose(data, perm)"""
    return basic.transpose(b, x, list(range(x.rank))[::-1] if perm is None else list(perm))


def expand(b: OnnxBuilder, x: Value, shape: Value) -> Value:
    """Expand(input, shape): by the rules of broadcasting, which keep sizes where the shape has 1."""
    if shape.data is None:
        hint = b.hint(0)
        if hint is None:
            raise UnsupportedError("a shape that is computed when the model runs: make it constant")
        return basic.broadcast_to(b, x, hint.shape)
    target = broadcast(ops.BroadcastTo(), [x.shape, tuple(shape.data.reshape(-1).tolist())])
    return basic.broadcast_to(b, x, target)


def concat(b: OnnxBuilder, *values: Value, axis: int = 1) -> Value:
    """Concat(inputs, axis)"""
    filled = [v for v in values if v.type.size != 0] or list(values[:1])
    return joining.join(b, filled, axis_of(axis, filled[0].rank))


def split(
    b: OnnxBuilder,
    x: Value,
    lengths: Value | None = None,
    *,
    axis: int = 0,
    split: Sequence[int] | None = None,
    num_outputs: int | None = None,
) -> list[Value]:
    """Split(input, split, axis=0, num_outputs); the lengths were an attribute at first."""
    at = axis_of(axis, x.rank)
    if num_outputs not in (None, len(b.outputs)):
        raise InputError(f"{num_outputs} parts are due, and {len(b.outputs)} are named")
    given = numbers(lengths, split, "lengths")
    if given is None:
        count, size = len(b.outputs), x.shape[at]
        each = -(-size // count)
        given = [each] * (count - 1) + [size - each * (count - 1)]
    if any(n < 0 for n in given) or sum(given) != x.shape[at] or len(given) < len(b.outputs):
        raise InputError(f"parts of {given} do not make up {x.shape[at]} elements")
    return joining.pieces(b, x, at, given)


def tile(b: OnnxBuilder, x: Value, repeats: Value) -> Value:
    """Tile(input, repeats)"""
    return joining.tile(b, x, known(repeats, "repeats").reshape(-1).tolist())


def pad(
    b: OnnxBuilder,
    x: Value,
    amounts: Value | None = None,
    fill: Value | None = None,
    at: Value | None = None,
    *,
    mode: str = "constant",
    pads: Sequence[int] | None = None,
    value: float = 0.0,
) -> Value:
    """Pad(data, pads, constant_value, axes, mode="constant"); pads and value were attributes at first."""
    given = numbers(amounts, pads, "pads") or []
    half = len(given) // 2
    axes = range(half) if at is None else [axis_of(a, x.rank) for a in known(at, "axes").reshape(-1).tolist()]
    both = {axis: (given[i], given[half + i]) for i, axis in enumerate(axes)}
    every = [both.get(axis, (0, 0)) for axis in range(x.rank)]
    if mode != "constant":
        return padding.pad_with_own(b, x, every, _MODES[mode])
    if fill is not None and fill.data is None and fill.type.size:
        return _padded_with(b, x, every, fill)
    number = value if fill is None else fill.array.reshape(-1)[0].item()
    kind = operands.wide(x.dtype) if x.dtype in (DType.UINT32, DType.UINT64) else x.dtype
    wide = basic.cast(b, x, kind)
    padded = padding.pad_or_crop(b, wide, every, number if x.dtype.is_float else int(number))
    return basic.cast(b, padded, x.dtype)


def _padded_with(b: OnnxBuilder, x: Value, pads: Sequence[tuple[int, int]], value: Value) -> Value:
    """x padded with a number that is computed: zeros, and the number where a mask has them too."""
    inside = padding.pad_or_crop(b, basic.filled(b, x.type._replace(dtype=DType.INT32), 1), pads)
    chosen = b.emit(ops.Equal(), inside, basic.scalar(b, 1, inside))
    return b.emit(ops.SelectV2(), chosen, padding.pad_or_crop(b, x, pads), basic.reshape(b, value, ()))


def depth_to_space(b: OnnxBuilder, x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """DepthToSpace(input, blocksize, mode="DCR")"""
    if one_of(mode, "DCR", "CRD") == "CRD":
        return rearranging.pixel_shuffle(b, x, blocksize)
    last = basic.channels_last(b, x)
    return basic.channels_first(b, blocks_to_space(b, last, (blocksize, blocksize)))


def space_to_depth(b: OnnxBuilder, x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """SpaceToDepth(input, blocksize, mode="DCR")"""
    if one_of(mode, "DCR", "CRD") == "CRD":
        return rearranging.pixel_unshuffle(b, x, blocksize)
    last = b.emit(ops.SpaceToDepth(block_size=blocksize), basic.channels_last(b, x))
    return basic.channels_first(b, last)


def reverse_sequence(b: OnnxBuilder, x: Value, lengths: Value, *, batch_axis: int = 1, time_axis: int = 0) -> Value:
    """ReverseSequence(input, sequence_lens, batch_axis=1, time_axis=0)"""
    operator = ops.ReverseSequence(seq_dim=axis_of(time_axis, x.rank), batch_dim=axis_of(batch_axis, x.rank))
    return b.emit(operator, x, lengths)


LOWERINGS: Table = {
    ("", "Identity"): identity,
    ("", "Dropout"): dropout,
    ("", "Reshape"): reshape,
    ("", "Flatten"): flatten,
    ("", "Squeeze"): squeeze,
    ("", "Unsqueeze"): unsqueeze,
    ("", "Transpose"): transpose,
    ("", "Expand"): expand,
    ("", "Concat"): concat,
    ("", "Split"): split,
    ("", "Tile"): tile,
    ("", "Pad"): pad,
    ("", "DepthToSpace"): depth_to_space,
    ("", "SpaceToDepth"): space_to_depth,
    ("", "ReverseSequence"): reverse_sequence,
}
