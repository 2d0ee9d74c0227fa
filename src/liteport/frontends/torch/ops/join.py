"""PyTorch's joining, splitting, repeating, rolling and flipping."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops import _common
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import Size
from liteport.ir.types import DType
from liteport.lowering import basic, joining, operands, order, scan
from liteport.lowering.formula import Term

aten = torch.ops.aten


# Joining


def cat(b: TorchBuilder, tensors: Sequence[Value], dim: int = 0) -> Value:
    """cat(Tensor[] tensors, int dim=0) -> Tensor; concat, concatenate"""
    # An empty vector goes with tensors of any shape: a relic that PyTorch keeps.
    fitting = [x for x in tensors if x.shape != (0,)] or list(tensors[:1])
    filled = [x for x in fitting if x.type.size] or fitting
    return joining.join(b, _promoted(b, filled), operands.axis(dim, filled[0].rank))


def stack(b: TorchBuilder, tensors: Sequence[Value], dim: int = 0) -> Value:
    """stack(Tensor[] tensors, int dim=0) -> Tensor"""
    return joining.stack(b, _promoted(b, tensors), dim)


def hstack(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """hstack(Tensor[] tensors) -> Tensor"""
    lines = [_at_least(b, x, (1,)) for x in tensors]
    return cat(b, lines, 0 if lines[0].rank == 1 else 1)


def vstack(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """vstack(Tensor[] tensors) -> Tensor; row_stack"""
    return cat(b, [_at_least(b, x, (1, x.type.size)) for x in tensors], 0)


def dstack(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """dstack(Tensor[] tensors) -> Tensor"""
    planes = [_at_least(b, x, (1, x.type.size)) for x in tensors]
    return cat(b, [basic.unsqueeze(b, x, 2) if x.rank == 2 else x for x in planes], 2)


def column_stack(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """column_stack(Tensor[] tensors) -> Tensor"""
    return cat(b, [_at_least(b, x, (x.type.size, 1)) for x in tensors], 1)


def block_diag(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """block_diag(Tensor[] tensors) -> Tensor"""
    blocks = _promoted(b, [_at_least(b, x, (1, x.type.size)) for x in tensors])
    rows, left = [], 0
    for block in blocks:
        right = b.result.shape[1] - left - block.shape[1]
        rows.append(basic.pad(b, block, [(0, 0), (left, right)]))
        left += block.shape[1]
    return cat(b, rows, 0)


def _promoted(b: TorchBuilder, tensors: Sequence[Value]) -> list[Value]:
    return [_common.operand(b, x, b.result.dtype) for x in tensors]


def _at_least(b: TorchBuilder, x: Value, shape: Sequence[int]) -> Value:
    """x, reshaped to `shape` where it has fewer dimensions than that."""
    return basic.reshape(b, x, shape) if x.rank < len(shape) else x


# Splitting


def split(b: TorchBuilder, x: Value, _: Any, dim: int = 0) -> list[Value]:
    """split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]

    And split.sizes, split_with_sizes, chunk and tensor_split.sections: PyTorch says how long the pieces are.
    """
    axis = operands.axis(dim, x.rank)
    return joining.pieces(b, x, axis, [result.shape[axis] for result in b.results])


def tensor_split(b: TorchBuilder, x: Value, indices: Sequence[int], dim: int = 0) -> list[Value]:
    """tensor_split.indices(Tensor(a -> *) self, SymInt[] indices, int dim=0) -> Tensor(a)[]"""
    axis = operands.axis(dim, x.rank)
    ends = [*indices, None]
    cuts = [slice(start, end).indices(x.shape[axis])[0] for start, end in zip([0, *indices], ends, strict=True)]
    return [basic.narrow(b, x, axis, c, r.shape[axis]) for c, r in zip(cuts, b.results, strict=True)]


def tensor_split_at(b: TorchBuilder, x: Value, where: Value, dim: int = 0) -> list[Value]:
    """tensor_split.tensor_indices_or_sections(Tensor(a -> *) self, Tensor tensor_indices_or_sections, int dim=0)"""
    if not where.is_const:
        raise UnsupportedError("tensor_split at computed places: give them as Python numbers")
    return tensor_split(b, x, where.array.tolist(), dim) if where.rank else split(b, x, None, dim)


def hsplit(b: TorchBuilder, x: Value, where: int | Sequence[int]) -> list[Value]:
    """hsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]; hsplit.array with indices"""
    return _split_at(b, x, where, 0 if x.rank == 1 else 1)


def vsplit(b: TorchBuilder, x: Value, where: int | Sequence[int]) -> list[Value]:
    """vsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]; vsplit.array with indices"""
    return _split_at(b, x, where, 0)


def dsplit(b: TorchBuilder, x: Value, where: int | Sequence[int]) -> list[Value]:
    """dsplit.int(Tensor(a -> *) self, int sections) -> Tensor(a)[]; dsplit.array with indices"""
    return _split_at(b, x, where, 2)


def unbind(b: TorchBuilder, x: Value, dim: int = 0) -> list[Value]:
    """unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]"""
    return joining.unstack(b, x, dim)


def _split_at(b: TorchBuilder, x: Value, where: int | Sequence[int], axis: int) -> list[Value]:
    return split(b, x, where, axis) if isinstance(where, int) else tensor_split(b, x, where, axis)


# Repeating and reordering


def repeat(b: TorchBuilder, x: Value, repeats: Sequence[int]) -> Value:
    """repeat(Tensor self, SymInt[] repeats) -> Tensor; tile(Tensor self, SymInt[] dims) -> Tensor"""
    return joining.tile(b, x, repeats)


def repeat_interleave(
    b: TorchBuilder, x: Value, repeats: int | Value, dim: int | None = None, *, output_size: int | None = None
) -> Value:
    """repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor

    repeat_interleave.self_Tensor takes the repeats as a tensor.
    """
    if dim is None:
        x, dim = basic.reshape(b, x, (x.type.size,)), 0
    if not x.rank:
        x = basic.reshape(b, x, (1,))
    axis = operands.axis(dim, x.rank)
    if not isinstance(repeats, Value):
        return joining.repeat_alike(b, x, axis, repeats)
    if not repeats.is_const:
        return _repeat_computed(b, x, axis, repeats)
    counts = repeats.array.reshape(-1).tolist()
    return joining.repeat_alike(b, x, axis, *counts) if len(counts) == 1 else joining.repeat_each(b, x, axis, counts)


def repeated_places(b: TorchBuilder, repeats: Value, *, output_size: int | None = None) -> Value:
    """repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> Tensor: each place, so often."""
    places = operands.convert(b, basic.ramp(b, repeats.shape[0]), b.result.dtype)
    return repeat_interleave(b, places, repeats, 0, output_size=output_size)


def _repeat_computed(b: TorchBuilder, x: Value, axis: int, repeats: Value) -> Value:
    """x[places], where place p comes as often as repeats[p] says: it is how many runs of places end before."""
    counts = Term(b, basic.broadcast_to(b, repeats, (x.shape[axis],))).cast(DType.INT32)
    ends = scan.cumsum(counts, 0)
    total = b.result.shape[axis]
    if isinstance(total, Size):
        b.emit(ops.BindSize(total), counts.reduce(ops.Sum, [0], keep_dims=True).value)
    places = order.count_below(b, basic.ramp(b, total), ends.value, right=True)
    return basic.gather(b, x, places, axis)


def roll(b: TorchBuilder, x: Value, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    """roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor"""
    if not dims:
        flat = basic.reshape(b, x, (prod(x.shape),))
        return basic.reshape(b, joining.roll(b, flat, 0, shifts[0]), x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        x = joining.roll(b, x, dim, shift) if x.rank else x
    return x


def flip(b: TorchBuilder, x: Value, dims: Sequence[int]) -> Value:
    """flip(Tensor self, int[] dims) -> Tensor"""
    return joining.flip(b, x, dims) if x.rank else x


def fliplr(b: TorchBuilder, x: Value) -> Value:
    """fliplr(Tensor self) -> Tensor"""
    return joining.flip(b, x, [1])


def flipud(b: TorchBuilder, x: Value) -> Value:
    """flipud(Tensor self) -> Tensor"""
    return joining.flip(b, x, [0])


def rot90(b: TorchBuilder, x: Value, k: int = 1, dims: Sequence[int] = (0, 1)) -> Value:
    """rot90(Tensor self, int k=1, int[] dims=[0,1]) -> Tensor"""
    first, second = (d % x.rank for d in dims)
    turns = k % 4
    x = joining.flip(b, x, [[], [second], [first, second], [first]][turns])
    perm = list(range(x.rank))
    if turns % 2:
        perm[first], perm[second] = second, first
    return basic.transpose(b, x, perm)


_BY_PIECES = (
    *(aten.split.Tensor, aten.split.sizes, aten.split.default, aten.split_copy.Tensor),
    *(aten.split_with_sizes.default, aten.split_with_sizes_copy.default),
    *(aten.unsafe_split.Tensor, aten.unsafe_split_with_sizes.default),
    *(aten.chunk.default, aten.unsafe_chunk.default, aten.tensor_split.sections),
)

LOWERINGS: Table = {
    aten.cat.default: cat,
    aten.concat.default: cat,
    aten.concatenate.default: cat,
    aten.stack.default: stack,
    aten.hstack.default: hstack,
    aten.vstack.default: vstack,
    aten.row_stack.default: vstack,
    aten.dstack.default: dstack,
    aten.column_stack.default: column_stack,
    aten.block_diag.default: block_diag,
    **dict.fromkeys(_BY_PIECES, split),
    aten.tensor_split.indices: tensor_split,
    aten.tensor_split.tensor_indices_or_sections: tensor_split_at,
    aten.hsplit.int: hsplit,
    aten.hsplit.array: hsplit,
    aten.vsplit.int: vsplit,
    aten.vsplit.array: vsplit,
    aten.dsplit.int: dsplit,
    aten.dsplit.array: dsplit,
    aten.unbind.int: unbind,
    aten.unbind_copy.int: unbind,
    aten.repeat.default: repeat,
    aten.tile.default: repeat,
    aten.repeat_interleave.Tensor: repeated_places,
    aten.repeat_interleave.self_int: repeat_interleave,
    aten.repeat_interleave.self_Tensor: repeat_interleave,
    aten.roll.default: roll,
    aten.flip.default: flip,
    aten.fliplr.default: fliplr,
    aten.flipud.default: flipud,
    aten.rot90.default: rot90,
}
