"""Sequences of tensors, as far as their number and places are known: no operators at all, but a concatenation or so."""

from __future__ import annotations

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import Listed, OnnxBuilder, Table, known
from liteport.ir.graph import Value
from liteport.lowering import joining


def construct(b: OnnxBuilder, *values: Value) -> Listed:
    """SequenceConstruct(inputs)"""
    return Listed(values)


def empty(b: OnnxBuilder, *, dtype: int = 1) -> Listed:
    """SequenceEmpty(dtype)"""
    return Listed(())


def split(b: OnnxBuilder, x: Value, lengths: Value | None = None, *, axis: int = 0, keepdims: int = 1) -> Listed:
    """SplitToSequence(input, split, axis=0, keepdims=1): in pieces of one or more lengths, or one by one"""
    at = axis % x.rank
    size = x.shape[at]
    if lengths is None:
        return Listed(joining.pieces(b, x, at, [1] * size) if keepdims else joining.unstack(b, x, at))
    given = known(lengths, "lengths")
    if given.ndim:
        return Listed(joining.pieces(b, x, at, given.tolist()))
    each = int(given)
    whole, rest = divmod(size, each)
    return Listed(joining.pieces(b, x, at, [each] * whole + ([rest] if rest else [])))


def at(b: OnnxBuilder, sequence: Value, position: Value) -> Value:
    """SequenceAt(input_sequence, position)"""
    place, items = _place(sequence, position), _items(sequence)
    if place == len(items):
        raise UnsupportedError(f"element {place} of a sequence of {len(items)} tensors")
    return items[place]


def length(b: OnnxBuilder, sequence: Value) -> Value:
    """SequenceLength(input_sequence)"""
    return b.const(np.int64(len(_items(sequence))))


def insert(b: OnnxBuilder, sequence: Value, value: Value, position: Value | None = None) -> Listed:
    """SequenceInsert(input_sequence, tensor, position): at the end without a position."""
    items = list(_items(sequence))
    items.insert(len(items) if position is None else _place(sequence, position), value)
    return Listed(items)


def erase(b: OnnxBuilder, sequence: Value, position: Value | None = None) -> Listed:
    """SequenceErase(input_sequence, position): the last one without a position."""
    items = list(_items(sequence))
    items.pop(-1 if position is None else _place(sequence, position))
    return Listed(items)


def concat(b: OnnxBuilder, sequence: Value, *, axis: int, new_axis: int = 0) -> Value:
    """ConcatFromSequence(input_sequence, axis, new_axis=0)"""
    items = _items(sequence)
    if not items:
        raise UnsupportedError("a concatenation of no tensors")
    return joining.stack(b, items, axis) if new_axis else joining.join(b, items, axis)


def _items(sequence: Value) -> tuple[Value, ...]:
    if not isinstance(sequence, Listed):
        raise UnsupportedError("a sequence of tensors whose number is not known")
    return sequence.items


def _place(sequence: Value, position: Value) -> int:
    """A place counted from the front. Raises UnsupportedError where there is none such."""
    place, count = int(known(position, "a position").reshape(-1)[0]), len(_items(sequence))
    if not -count <= place <= count:  # one behind the last is where to insert
        raise UnsupportedError(f"place {place} of a sequence of {count} tensors")
    return place + count if place < 0 else place


LOWERINGS: Table = {
    ("", "SequenceConstruct"): construct,
    ("", "SequenceEmpty"): empty,
    ("", "SplitToSequence"): split,
    ("", "SequenceAt"): at,
    ("", "SequenceLength"): length,
    ("", "SequenceInsert"): insert,
    ("", "SequenceErase"): erase,
    ("", "ConcatFromSequence"): concat,
}
