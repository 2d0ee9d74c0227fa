"""Pooling over regions of interest: boxes[K,5] of batch index, x1, y1, x2, y2 on maps x[N,C,H,W].

Where a region's samples lie depends on numbers, but each is a product of a place along the height and one along the
width. So is its share in an element of the map: pooling is a product with one matrix for each dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, formula, matmul
from liteport.lowering.formula import Term


@dataclass(frozen=True)
class Bins:
    """How a region is cut: scale from boxes to the map, bins[PH, PW], samples per bin and dimension (0: one for each
    element that the region covers), and whether coordinates mean middles of elements (else no region is under 1).
    """

    scale: float
    bins: tuple[int, int]
    samples: int
    aligned: bool


def roi_align(b: Builder, x: Value, boxes: Value, bins: Bins) -> Value:
    """[K,C,PH,PW]: the mean of the bilinear samples in each bin.

    Source: "Mask R-CNN", He et al. 2017. Without a number of samples, regions may be as large as PH by PW maps.
    """
    rows, columns = _shares(b, boxes, bins, x.shape[2:])
    count, channels = boxes.shape[0], x.shape[1]
    (_, height, size), (_, width, line) = rows.shape, columns.shape
    maps = _maps(b, x, boxes)
    if maps.shape[0] == 1:
        flat = basic.reshape(b, maps, (size, line * channels))
        lines = matmul.matmul(b, basic.reshape(b, rows, (count * height, size)), flat)
    else:
        lines = matmul.matmul(b, rows, basic.reshape(b, maps, (count, size, line * channels)))
    lines = basic.reshape(b, lines, (count, height, line, channels))
    pooled = matmul.matmul(b, basic.unsqueeze(b, columns, 1), lines)
    return basic.transpose(b, basic.reshape(b, pooled, (count, height, width, channels)), [0, 3, 1, 2])


def roi_align_max(b: Builder, x: Value, boxes: Value, bins: Bins) -> Value:
    """[K,C,PH,PW]: of the samples in each bin the largest, a sample being the largest of the four elements around it,
    each times its bilinear weight, as ONNX has it. The number of samples must be given."""
    if not bins.samples:
        raise UnsupportedError("the largest of a number of samples that differs from region to region: set it")
    maps = _maps(b, x, boxes)
    count, (size, line, channels) = boxes.shape[0], maps.shape[1:]
    if maps.shape[0] == 1:
        maps = basic.broadcast_to(b, maps, (count, size, line, channels))
    flat = basic.reshape(b, maps, (count, size * line, channels))
    taps = [_sample_taps(b, boxes, axis, bins, x.shape[2 + axis]) for axis in (0, 1)]
    (height, width), samples = bins.bins, bins.samples
    shapes = ((count, height, samples, 1, 1), (count, 1, 1, width, samples))
    whole = (count, height * samples * width * samples)
    largest: Term | None = None
    for down, share in taps[0]:
        for right, other in taps[1]:
            row, column = (Term(b, basic.reshape(b, t.value, s)) for t, s in zip((down, right), shapes, strict=True))
            at = basic.reshape(b, (row * float(line) + column).cast(DType.INT32).value, whole)
            weights = (Term(b, basic.reshape(b, t.value, s)) for t, s in zip((share, other), shapes, strict=True))
            weight = basic.reshape(b, formula.emit(ops.Mul(), *weights).value, (*whole, 1))
            value = Term(b, b.emit(ops.Gather(axis=1, batch_dims=1), flat, at)) * Term(b, weight)
            largest = value if largest is None else formula.maximum(largest, value)
    assert largest is not None
    apart = basic.reshape(b, largest.value, (count * height, samples, width, samples * channels))
    rows = basic.reduce(b, ops.ReduceMax, apart, [1])
    pooled = basic.reduce(b, ops.ReduceMax, basic.reshape(b, rows, (count * height, width, samples, channels)), [2])
    return basic.transpose(b, basic.reshape(b, pooled, (count, height, width, channels)), [0, 3, 1, 2])


def _sample_taps(b: Builder, boxes: Value, axis: int, bins: Bins, size: int) -> list[tuple[Term, Term]]:
    """The elements before and after the samples, [K, bins, samples, 1] each, and their weights: 0 beyond the map."""
    start, step = _bins(b, boxes, axis, bins)
    sample = Term(b, b.const(np.arange(bins.samples, dtype=np.float32).reshape(1, 1, bins.samples, 1)))
    at = start + (sample + 0.5) * step / float(bins.samples)
    counts = formula.emit(ops.LogicalAnd(), at >= -1.0, at <= float(size)).cast(DType.FLOAT32)
    place = formula.minimum(formula.maximum(at, 0.0), float(size - 1))
    first = formula.floor(place)
    share = place - first
    return [(first, (1.0 - share) * counts), (formula.minimum(first + 1.0, float(size - 1)), share * counts)]


def ps_roi_align(b: Builder, x: Value, boxes: Value, bins: Bins) -> Value:
    """[K,C/(PH*PW),PH,PW]: as `roi_align`, but every bin has channels of its own.

    Source: "R-FCN", Dai et al. 2016, with samples in the place of whole elements.
    """
    rows, columns = _shares(b, boxes, bins, x.shape[2:])
    count, (height, width) = boxes.shape[0], bins.bins
    channels, (size, line) = x.shape[1] // (height * width), x.shape[2:]
    maps = _maps(b, x, boxes)
    maps = basic.reshape(b, maps, (maps.shape[0], size, line, channels, height, width))
    # Every row of bins sees its own channels.
    maps = basic.transpose(b, maps, [0, 4, 1, 5, 2, 3])
    maps = basic.reshape(b, maps, (maps.shape[0], height, size, width * line * channels))
    lines = matmul.matmul(b, basic.unsqueeze(b, rows, 2), maps)
    lines = basic.reshape(b, lines, (count, height, width, line, channels))
    weights = basic.reshape(b, columns, (count, 1, width, line, 1))
    pooled = basic.reduce(b, ops.Sum, b.emit(ops.Mul(), lines, weights), [3])
    return basic.transpose(b, pooled, [0, 3, 1, 2])


def roi_pool(b: Builder, x: Value, boxes: Value, scale: float, bins: tuple[int, int]) -> Value:
    """[K,C,PH,PW]: the largest element in each bin, 0 where it has none.

    Source: "Fast R-CNN", Girshick 2015.
    """
    count, channels = boxes.shape[0], x.shape[1]
    (height, width), (size, line) = bins, x.shape[2:]
    rows, columns = (_inside(b, boxes, axis, scale, bins[axis], x.shape[2 + axis]) for axis in (0, 1))
    maps = _maps(b, x, boxes)
    maps = basic.reshape(b, maps, (maps.shape[0], 1, size, line * channels))
    lines = _largest(b, basic.unsqueeze(b, rows, 3), maps)
    lines = basic.reshape(b, lines, (count * height, 1, line, channels))
    columns = basic.unsqueeze(b, columns, 1)
    columns = basic.broadcast_to(b, columns, (count, height, width, line))
    pooled = _largest(b, basic.reshape(b, columns, (count * height, width, line, 1)), lines)
    pooled = basic.reshape(b, pooled, (count, height, width, channels))
    empty = formula.emit(ops.Equal(), Term(b, pooled), -inf)
    pooled = formula.where(empty, 0.0, Term(b, pooled)).value
    return basic.transpose(b, pooled, [0, 3, 1, 2])


def nms(b: Builder, boxes: Value, scores: Value, threshold: float, result: TensorType) -> Value:
    """The indices of the boxes[K,4] that no box of a better score overlaps by more than the threshold, best first.

    `result` is their type; how many there are is found when the model runs.
    """
    if threshold >= 1:
        raise UnsupportedError("a suppression of boxes that overlap by more than all: sort them instead")
    kept, number = suppressed(b, boxes, scores, scores.shape[0], threshold)
    first = TensorType(DType.INT32, result.shape)
    (kept,) = b.emit_many(ops.Slice(), kept, basic.ints(b, [0]), number, types=(first,))
    return basic.cast(b, kept, result.dtype)


def suppressed(
    b: Builder, boxes: Value, scores: Value, most: int, threshold: float, least: float | None = None
) -> tuple[Value, Value]:
    """`most` indices, int32, of which the first ones are those of the boxes[K,4] that no box of a better score
    overlaps by more than the threshold (below 1), best first; and how many these are, [1]. Scores must be above
    `least`, if that is given."""
    count = scores.shape[0]
    _, order = b.emit_many(ops.TopkV2(), scores, b.const(count), types=(scores.type, TensorType(DType.INT32, (count,))))
    numbers = (b.const(0), b.const(count), b.const(1))
    (places,) = b.emit_many(ops.Range(), *numbers, types=(TensorType(DType.INT32, (count,)),))
    rank = Term(b, basic.cast(b, places, DType.FLOAT32))
    bound = b.const(np.float32(-inf))
    if least is not None:  # so many ranks have scores that are above it
        above = (Term(b, scores) > least).cast(DType.FLOAT32).reduce(ops.Sum, [0])
        bound = (0.5 - above).value
    # Boxes in the order of their scores, and their ranks as scores: the kernel has no rule for equal ones.
    kept, number = b.emit_many(
        ops.NonMaxSuppressionV4(),
        _solid(Term(b, basic.gather(b, boxes, order, 0)), rank),
        (-rank).value,
        b.const(most),
        b.const(_above(threshold)),
        bound,
        types=(TensorType(DType.INT32, (most,)), TensorType(DType.INT32, ())),
    )
    return basic.gather(b, order, kept, 0), basic.reshape(b, number, (1,))


def _solid(boxes: Term, rank: Term) -> Value:
    """The boxes[K,4], those of no area, which overlap none, far away and each at a place of its own: the kernel
    selects a box again and again that does not overlap itself."""
    b = boxes.b
    low, high = (Term(b, basic.narrow(b, boxes.value, 1, at, 2)) for at in (0, 2))
    size = high - low
    area = Term(b, basic.reduce(b, ops.ReduceProd, size.value, [1], keep_dims=True))
    side = Term(b, basic.reduce(b, ops.ReduceMin, size.value, [1], keep_dims=True))
    reach = abs(boxes).reduce(ops.ReduceMax, [0, 1]) + 1.0
    left = (Term(b, basic.unsqueeze(b, rank.value, 1)) + 1.0) * reach * 2.0
    top = left * 0.0
    away = basic.concat(b, [t.value for t in (left, top, left + reach, top + reach)], 1)
    return formula.where(formula.minimum(area, side) > 0.0, boxes, Term(b, away)).value


def _above(threshold: float) -> np.float32:
    """The smallest float32 above a threshold: the kernel drops a box that reaches it, PyTorch one that passes it."""
    near = np.float32(threshold)
    return near if near > threshold else np.nextafter(near, np.float32(inf))


def _largest(b: Builder, inside: Value, elements: Value) -> Value:
    """The maximum over dimension 2 of the elements that are inside."""
    kept = formula.where(Term(b, inside), Term(b, elements), -inf).value
    return basic.reduce(b, ops.ReduceMax, kept, [2])


def _maps(b: Builder, x: Value, boxes: Value) -> Value:
    """[1,H,W,C] where there is one map, else [K,H,W,C]: every region's own."""
    maps = basic.channels_last(b, x)
    if x.shape[0] == 1:
        return maps
    index = basic.reshape(b, basic.narrow(b, boxes, 1, 0, 1), (boxes.shape[0],))
    return basic.gather(b, maps, basic.cast(b, index, DType.INT32), 0)


def _edges(b: Builder, boxes: Value, axis: int) -> tuple[Term, Term]:
    """Where the regions begin and end along the height (axis 0) or the width: [K,1,1,1] each."""
    shape = (boxes.shape[0], 1, 1, 1)
    low, high = (basic.reshape(b, basic.narrow(b, boxes, 1, at, 1), shape) for at in (2 - axis, 4 - axis))
    return Term(b, low), Term(b, high)


def _shares(b: Builder, boxes: Value, bins: Bins, sizes: tuple[int, ...]) -> tuple[Value, Value]:
    """The share of every row in every bin, [K,PH,H], and of every column, [K,PW,W]."""
    rows, columns = (_share(b, boxes, axis, bins, sizes[axis]) for axis in (0, 1))
    return rows, columns


def _bins(b: Builder, boxes: Value, axis: int, bins: Bins) -> tuple[Term, Term]:
    """Where the bins begin, [K,bins,1,1], and how wide they are, [K,1,1,1]."""
    low, high = _edges(b, boxes, axis)
    shift = 0.5 if bins.aligned else 0.0
    start, stop = low * bins.scale - shift, high * bins.scale - shift
    extent = stop - start if bins.aligned else formula.maximum(stop - start, 1.0)
    count = bins.bins[axis]
    step = extent / float(count)
    return start + Term(b, b.const(np.arange(count, dtype=np.float32).reshape(1, count, 1, 1))) * step, step


def _share(b: Builder, boxes: Value, axis: int, bins: Bins, size: int) -> Value:
    start, step = _bins(b, boxes, axis, bins)
    samples = bins.samples or size
    sample = Term(b, b.const(np.arange(samples, dtype=np.float32).reshape(1, 1, samples, 1)))
    element = Term(b, b.const(np.arange(size, dtype=np.float32).reshape(1, 1, 1, size)))
    taken = formula.emit(ops.Ceil(), step) if not bins.samples else None
    divisor = formula.maximum(taken, 1.0) if taken is not None else float(samples)
    at = start + (sample + 0.5) * step / divisor
    counts = formula.emit(ops.LogicalAnd(), at >= -1.0, at <= float(size))
    if taken is not None:
        counts = formula.emit(ops.LogicalAnd(), counts, sample < taken)
    place = formula.minimum(formula.maximum(at, 0.0), float(size - 1))
    weight = formula.relu(1.0 - abs(place - element)) * counts.cast(DType.FLOAT32)
    total = weight.reduce(ops.Sum, [2]).value
    mean = Term(b, total) / (Term(b, basic.squeeze(b, divisor.value, 3)) if isinstance(divisor, Term) else divisor)
    return mean.value


def _inside(b: Builder, boxes: Value, axis: int, scale: float, count: int, size: int) -> Value:
    """Which elements are in which bin, as bools [K,bins,size]: all those that it touches."""
    low, high = (_rounded(edge * scale) for edge in _edges(b, boxes, axis))
    step = formula.maximum(high - low + 1.0, 1.0) / float(count)
    bin_ = Term(b, b.const(np.arange(count, dtype=np.float32).reshape(1, count, 1, 1)))
    element = Term(b, b.const(np.arange(size, dtype=np.float32).reshape(1, 1, 1, size)))
    first = formula.floor(bin_ * step) + low
    last = formula.emit(ops.Ceil(), (bin_ + 1.0) * step) + low
    inside = formula.emit(ops.LogicalAnd(), element >= first, element < last)
    return basic.squeeze(b, inside.value, 2)


def _rounded(x: Term) -> Term:
    """The nearest whole number, halves away from zero."""
    size = abs(x)
    whole = formula.floor(size)
    return (whole + (size - whole >= 0.5).cast(DType.FLOAT32)) * formula.sign(x)
