"""Padding: SAME's arithmetic, padding and cropping in one, padding with the tensor's own elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed, larger
from liteport.ir.types import Array, DType
from liteport.lowering import basic, joining
from liteport.lowering.formula import Term, emit, maximum, minimum

Pads = Sequence[tuple[int, int]]

_MOST_DIMENSIONS = ops.PadV2.max_rank


def same(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """What SAME puts before and after `size` elements (TFLite's ComputePaddingWithOffset)."""
    total = larger((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def is_same(size: int, kernel: int, stride: int, dilation: int, before: int, count: int) -> bool:
    """Whether SAME sees what `count` windows see of which the first begins `before` elements ahead of the input."""
    return count == -(-size // stride) and before == same(size, kernel, stride, dilation)[0]


def pad_or_crop(b: Builder, x: Value, pads: Pads, value: float | int | bool = 0) -> Value:
    """x with (before, after) elements of `value` at each dimension; a negative number takes elements away.

    `pads` speaks of the last dimensions of x; those in front stay.
    """
    full = [(0, 0)] * (x.rank - len(pads)) + list(pads)
    begin = [larger(-p, 0) for p, _ in full]
    kept = [d - at - larger(-q, 0) for d, at, (_, q) in zip(x.shape, begin, full, strict=True)]
    if all(k >= 0 for k in kept):
        x = basic.slice_(b, x, begin, kept)
        return _pad(b, x, [(larger(p, 0), larger(q, 0)) for p, q in full], value)
    # Cropping eats into the padding: pad first, by all of it.
    x = _pad(b, x, [(larger(p, 0), larger(q, 0)) for p, q in full], value)
    sizes = [d - at - larger(-q, 0) for d, at, (_, q) in zip(x.shape, begin, full, strict=True)]
    return basic.slice_(b, x, begin, sizes)


def _pad(b: Builder, x: Value, pads: Pads, value: float | int | bool) -> Value:
    """Pads x; one dimension at a time, as the middle one of three, where it has more than kernels take."""
    if x.rank <= _MOST_DIMENSIONS:
        return basic.pad(b, x, pads, value)
    for axis, (before, after) in enumerate(pads):
        if before or after:
            shape = (*x.shape[:axis], x.shape[axis] + before + after, *x.shape[axis + 1 :])
            x = basic.reshape(b, x, (prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])))
            x = basic.reshape(b, basic.pad(b, x, [(0, 0), (before, after), (0, 0)], value), shape)
    return x


def pad_with_own(b: Builder, x: Value, pads: Pads, mode: str) -> Value:
    """x extended (or cropped, where negative) at its last dimensions by its own elements.

    `mode`: "reflect" mirrors at the end element, "symmetric" repeats it once, "replicate" repeats it
    always, "circular" goes on at the other end.
    """
    first = x.rank - len(pads)
    for axis, (before, after) in enumerate(pads, first):
        if mode == "circular":  # goes round what cropping leaves
            kept = x.shape[axis] - larger(-before, 0) - larger(-after, 0)
            x = basic.narrow(b, x, axis, larger(-before, 0), kept)
            before, after = larger(before, 0), larger(after, 0)
        size = x.shape[axis]
        if not is_fixed((before, after)):
            x = basic.gather(b, x, _computed_sources(b, size, before, after, mode), axis)
        elif before <= 0 and after <= 0:
            x = basic.narrow(b, x, axis, -before, size + before + after)
        elif is_fixed([size]):
            x = basic.gather(b, x, sources(size, before, after, mode).tolist(), axis)
        else:
            x = _extend(b, x, axis, (before, after), mode)
    return x


def _extend(b: Builder, x: Value, axis: int, pads: tuple[int, int], mode: str) -> Value:
    """x, of any size along `axis`, between elements near its ends: the same ones in a tensor of any other size."""
    size, least = x.shape[axis], 2 * max(map(abs, pads)) + 2
    before, after = (max(p, 0) for p in pads)
    at = sources(least, before, after, mode)
    cropped = [max(-p, 0) for p in pads]
    middle = basic.narrow(b, x, axis, cropped[0], size - sum(cropped))
    parts = [
        _near_an_end(b, x, axis, at[:before], least),
        middle,
        _near_an_end(b, x, axis, at[before + least :], least),
    ]
    return joining.join(b, [part for part in parts if part is not None], axis)


def _near_an_end(b: Builder, x: Value, axis: int, at: Array, size: int) -> Value | None:
    """The elements of x that would stand at these places, all near one end, if there were `size`."""
    if not len(at):
        return None
    if at.max() < size // 2:
        return basic.gather(b, x, at.tolist(), axis)
    first = int(at.min())
    return basic.gather(
        b, basic.narrow(b, x, axis, x.shape[axis] - (size - first), size - first), (at - first).tolist(), axis
    )


def _computed_sources(b: Builder, size: int, before: int, after: int, mode: str) -> Value:
    """`sources` of numbers that are only known when the model runs."""
    at = Term(b, basic.ramp(b, before + size + after)) - before
    if mode == "replicate":
        return minimum(maximum(at, 0), size - 1).value
    if mode == "circular":
        return emit(ops.FloorMod(), at, size).value
    period = larger(2 * size - 2, 1) if mode == "reflect" else 2 * size
    at = emit(ops.FloorMod(), at, period)
    return minimum(at, (period if mode == "reflect" else period - 1) - at).value


def sources(size: int, before: int, after: int, mode: str) -> Array:
    """Which of `size` elements stands at each place from -before up to size + after (see `pad_with_own`)."""
    at = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(at, 0, size - 1)
    if mode == "circular":
        return at % size
    period = max(2 * size - 2, 1) if mode == "reflect" else 2 * size
    at = at % period
    return np.where(at < size, at, period - at if mode == "reflect" else period - 1 - at)


def lowest(dtype: DType) -> float | int:
    """The padding that no maximum takes note of."""
    return -np.inf if dtype.is_float else int(np.iinfo(dtype.numpy).min)
