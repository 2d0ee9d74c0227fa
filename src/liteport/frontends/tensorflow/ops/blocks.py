"""Blocks of any number of dimensions in the batch and back: the kernels know one of three and two of four."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, sizes

_OF_KERNELS = ((3, 1), (4, 2))
"""Rank, and number of dimensions that are cut into blocks."""


def batch_to_space(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """BatchToSpaceND(input, block_shape, crops), one dimension after the other, the others being one before it and
    one behind: that is a kernel's."""
    tf, known = tensorflow(), _known(inputs)
    if known is None:
        return None

    def body(x: Any, *operands: Any) -> Any:
        for axis, (step, (first, last)) in enumerate(zip(*known, strict=True), 1):
            batch, *rest = sizes(x)
            before, after = rest[: axis - 1], rest[axis:]
            image = tf.reshape(x, [batch, prod(before), rest[axis - 1], prod(after)])
            image = tf.batch_to_space(image, [1, step], [[0, 0], [first, last]])
            x = tf.reshape(image, [batch // step, *before, rest[axis - 1] * step - first - last, *after])
        return x

    return body


def space_to_batch(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """SpaceToBatchND(input, block_shape, paddings), the way back."""
    tf, known = tensorflow(), _known(inputs)
    if known is None:
        return None

    def body(x: Any, *operands: Any) -> Any:
        for axis, (step, (first, last)) in reversed([*enumerate(zip(*known, strict=True), 1)]):
            batch, *rest = sizes(x)
            before, after = rest[: axis - 1], rest[axis:]
            image = tf.reshape(x, [batch, prod(before), rest[axis - 1], prod(after)])
            image = tf.space_to_batch(image, [1, step], [[0, 0], [first, last]])
            x = tf.reshape(image, [batch * step, *before, (rest[axis - 1] + first + last) // step, *after])
        return x

    return body


def _known(inputs: Sequence[Any]) -> tuple[list[int], list[list[int]]] | None:
    """The blocks' shape, and what is cropped or padded, where they are no kernel's and can be told."""
    tf = tensorflow()
    x, *operands = inputs
    block, margins = (tf.get_static_value(tensor) for tensor in operands)
    if block is None or margins is None or x.shape.rank is None or (x.shape.rank, block.size) in _OF_KERNELS:
        return None
    return block.tolist(), margins.tolist()


WRITTEN_OUT: Table = {"BatchToSpaceND": batch_to_space, "SpaceToBatchND": space_to_batch}
