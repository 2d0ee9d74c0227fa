"""Numbers moved, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, always, known


def reverse(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """Reverse(tensor, dims), of which dims says for each dimension whether it is reversed."""
    chosen = known(inputs[1])
    return None if chosen is None else _reversed(np.flatnonzero(chosen).tolist())


def reverse_axes(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """ReverseV2(tensor, axis) along dimensions that do not follow each other, which the kernel refuses."""
    axes, rank = known(inputs[1]), inputs[0].shape.rank
    if axes is None or rank is None:
        return None
    found = sorted({axis % rank for axis in axes.tolist()})
    follow = not found or found == list(range(found[0], found[-1] + 1))
    return None if follow else _reversed(found)


def _reversed(axes: Sequence[int]) -> Body:
    """One dimension after the other."""

    def body(x: Any, _: Any) -> Any:
        for axis in axes:
            x = tensorflow().reverse(x, [axis])
        return x

    return body


def transpose(x: Any, order: Any) -> Any:
    """ConjugateTranspose(x, perm) of real numbers."""
    return tensorflow().transpose(x, order)


def strided_slice(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """StridedSlice with dimensions put in behind an ellipsis, which the converter lacks: cut, and then put in."""
    tf = tensorflow()
    masks = {
        name: operation.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    rank, operands = inputs[0].shape.rank, [known(tensor) for tensor in inputs[1:]]
    if not masks["new_axis"] or not masks["ellipsis"] or rank is None or any(each is None for each in operands):
        return None

    def body(x: Any, *_: Any) -> Any:
        places = _places(rank, masks, *operands)
        cut = x[tuple(place for place in places if place is not None)]
        shown = [place is None for place in places if not isinstance(place, int)]
        for axis in np.flatnonzero(shown):
            cut = tf.expand_dims(cut, int(axis))
        return cut

    return body


def _places(rank: int, masks: dict[str, int], begin: Any, end: Any, step: Any) -> list[Any]:
    """What Python writes between brackets, the ellipsis in full."""
    places: list[Any] = []
    taken = sum(not (masks["new_axis"] >> i & 1 or masks["ellipsis"] >> i & 1) for i in range(len(begin)))
    for i in range(len(begin)):
        if masks["ellipsis"] >> i & 1:
            places += [slice(None)] * (rank - taken)
        elif masks["new_axis"] >> i & 1:
            places.append(None)
        elif masks["shrink_axis"] >> i & 1:
            places.append(int(begin[i]))
        else:
            first = None if masks["begin"] >> i & 1 else int(begin[i])
            last = None if masks["end"] >> i & 1 else int(end[i])
            places.append(slice(first, last, int(step[i])))
    return places


def line(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """LinSpace(start, stop, num)"""
    tf, count = tensorflow(), known(inputs[2])
    if count is None:
        return None
    number = int(count)

    def body(start: Any, stop: Any, _: Any) -> Any:
        step = (stop - start) / max(number - 1, 1)
        places = tf.range(number, dtype=start.dtype)
        return tf.where(places < max(number - 1, 1), start + step * places, stop)

    return body


def unravel(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """UnravelIndex(indices, dims): a row for each dimension."""
    tf, dims = tensorflow(), known(inputs[1])
    if dims is None:
        return None
    steps = [prod(dims[axis + 1 :].tolist()) for axis in range(len(dims))]
    return lambda places, _: tf.stack([places // step % size for step, size in zip(steps, dims.tolist(), strict=True)])


WRITTEN_OUT: Table = {
    "ConjugateTranspose": always(transpose),
    "LinSpace": line,
    "Reverse": reverse,
    "ReverseV2": reverse_axes,
    "StridedSlice": strided_slice,
    "UnravelIndex": unravel,
}
