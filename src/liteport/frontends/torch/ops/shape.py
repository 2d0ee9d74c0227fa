"""PyTorch's views, permutations, expansions and copies that move no element, and diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops import _common
from liteport.ir.graph import Value
from liteport.ir.sizes import Size, is_fixed
from liteport.lowering import basic, diagonal, indexing, joining, operands

aten = torch.ops.aten


def same(b: TorchBuilder, x: Value, *_: Any, **__: Any) -> Value:
    """The tensor itself: clone, contiguous, alias, detach, lift_fresh_copy, real (of reals), ..."""
    return x


def regrouped(b: TorchBuilder, x: Value, *_: Any, **__: Any) -> Value:
    """The same elements in row-major order in the shape that PyTorch gives: view, flatten, squeeze, unsqueeze, ..."""
    return basic.reshape(b, x, b.result.shape)


def regrouped_all(b: TorchBuilder, tensors: Sequence[Value]) -> list[Value]:
    """atleast_1d.Sequence(Tensor[] tensors) -> Tensor[], and likewise atleast_2d, atleast_3d"""
    return [basic.reshape(b, x, result.shape) for x, result in zip(tensors, b.results, strict=True)]


def permute(b: TorchBuilder, x: Value, dims: Sequence[int]) -> Value:
    """permute(Tensor self, int[] dims) -> Tensor"""
    return basic.transpose(b, x, [operands.axis(d, x.rank) for d in dims])


def transpose(b: TorchBuilder, x: Value, dim0: int, dim1: int) -> Value:
    """transpose.int(Tensor self, int dim0, int dim1) -> Tensor"""
    perm = list(range(x.rank))
    i, j = operands.axis(dim0, x.rank), operands.axis(dim1, x.rank)
    if x.rank:
        perm[i], perm[j] = j, i
    return basic.transpose(b, x, perm)


def matrix_transpose(b: TorchBuilder, x: Value) -> Value:
    """mT(Tensor self) -> Tensor, and of real tensors adjoint, mH, matrix_H and t"""
    return transpose(b, x, -2, -1) if x.rank > 1 else x


def reversed_dims(b: TorchBuilder, x: Value) -> Value:
    """numpy_T(Tensor self) -> Tensor"""
    return basic.transpose(b, x, list(range(x.rank))[::-1])


def movedim(b: TorchBuilder, x: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """movedim.intlist(Tensor self, int[] source, int[] destination) -> Tensor; movedim.int with one of each"""
    if isinstance(source, int) or isinstance(destination, int):
        source, destination = [int(source)], [int(destination)]  # type: ignore[arg-type]
    moved = {operands.axis(d, x.rank): operands.axis(s, x.rank) for s, d in zip(source, destination, strict=True)}
    others = iter([i for i in range(x.rank) if i not in moved.values()])
    return basic.transpose(b, x, [moved[i] if i in moved else next(others) for i in range(x.rank)])


def expand(b: TorchBuilder, x: Value, *_: Any, **__: Any) -> Value:
    """expand(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor; expand_as, broadcast_to"""
    return basic.broadcast_to(b, x, b.result.shape)


def broadcast_tensors(b: TorchBuilder, tensors: Sequence[Value]) -> list[Value]:
    """broadcast_tensors(Tensor[] tensors) -> Tensor[]"""
    return [basic.broadcast_to(b, x, result.shape) for x, result in zip(tensors, b.results, strict=True)]


def meshgrid(b: TorchBuilder, tensors: Sequence[Value], indexing: str = "ij") -> list[Value]:
    """meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]"""
    place = list(range(len(tensors)))
    if indexing == "xy" and len(tensors) > 1:
        place[0], place[1] = 1, 0
    grids = []
    for i, (x, result) in enumerate(zip(tensors, b.results, strict=True)):
        line = [x.type.size if axis == place[i] else 1 for axis in range(len(tensors))]
        grids.append(basic.broadcast_to(b, basic.reshape(b, x, line), result.shape))
    return grids


def cartesian_prod(b: TorchBuilder, tensors: Sequence[Value]) -> Value:
    """cartesian_prod(Tensor[] tensors) -> Tensor"""
    if len(tensors) == 1:
        return tensors[0]
    sizes = [x.type.size for x in tensors]
    columns = []
    for i, x in enumerate(tensors):
        line = basic.reshape(b, x, [n if axis == i else 1 for axis, n in enumerate(sizes)])
        columns.append(basic.reshape(b, basic.broadcast_to(b, line, sizes), (b.result.shape[0], 1)))
    return joining.join(b, columns, 1)


def copy(b: TorchBuilder, x: Value, src: Value, non_blocking: bool = False) -> Value:
    """copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor"""
    return basic.broadcast_to(b, _common.operand(b, src, b.result.dtype), b.result.shape)


def unfold(b: TorchBuilder, x: Value, dimension: int, size: int, step: int) -> Value:
    """unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)"""
    if not x.rank:
        return basic.reshape(b, basic.narrow(b, basic.reshape(b, x, (1,)), 0, 0, size), b.result.shape)
    axis = operands.axis(dimension, x.rank)
    count = b.result.shape[axis]
    if step == size:
        x = basic.narrow(b, x, axis, 0, count * size)
        windows = basic.reshape(b, x, (*x.shape[:axis], count, size, *x.shape[axis + 1 :]))
    else:
        windows = basic.gather(b, x, indexing.window_places(b, count, size, step), axis)
    rest = [i for i in range(windows.rank) if i != axis + 1]
    return basic.transpose(b, windows, [*rest, axis + 1])


def as_strided(
    b: TorchBuilder, x: Value, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Value:
    """as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)"""
    if (flat := _as_in_memory(b, x)) is None or not is_fixed((*x.shape, *size, *stride)):
        raise UnsupportedError(
            "as_strided of a view, or of open sizes: call x.contiguous().clone() before, or use unfold"
        )
    steps = [np.arange(n) * step for n, step in zip(size, stride, strict=True)]
    places = np.asarray(sum(np.ix_(*steps), np.int64(storage_offset or 0))).reshape(tuple(size))
    if places.size and places.max() >= x.type.size:
        raise UnsupportedError("as_strided beyond its tensor's own elements: take it of the whole tensor")
    return basic.gather(b, flat, b.const(places.astype(np.int32)), 0)


def _as_in_memory(b: TorchBuilder, x: Value) -> Value | None:
    """The node's first operand, flat, in the order in which PyTorch's memory has it; None where it leaves gaps there.

    What the model is called with has the order of its dimensions, whatever order the example has.
    """
    held = b.operand
    if held is None or held.storage_offset():
        return None
    order = sorted(range(held.dim()), key=held.stride().__getitem__, reverse=True)
    is_given = x.producer is None and x.data is None
    if not (held.is_contiguous() if is_given else held.permute(order).is_contiguous()):
        return None
    return basic.reshape(b, x if is_given else basic.transpose(b, x, order), (x.type.size,))


def take_diagonal(b: TorchBuilder, x: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)"""
    return diagonal.diagonal(b, basic.transpose(b, x, _last(x.rank, dim1, dim2)), offset)


def diag_embed(b: TorchBuilder, x: Value, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor"""
    size = x.shape[-1] + abs(offset)
    return _put_back(b, diagonal.embed_diagonal(b, x, size, size, offset), dim1, dim2)


def diag(b: TorchBuilder, x: Value, diagonal: int = 0) -> Value:
    """diag(Tensor self, int diagonal=0) -> Tensor"""
    return diag_embed(b, x, diagonal) if x.rank == 1 else take_diagonal(b, x, diagonal)


def diagflat(b: TorchBuilder, x: Value, offset: int = 0) -> Value:
    """diagflat(Tensor self, int offset=0) -> Tensor"""
    return diag_embed(b, basic.reshape(b, x, (x.type.size,)), offset)


def linalg_diagonal(b: TorchBuilder, x: Value, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """linalg_diagonal(Tensor(a) A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor(a)"""
    return take_diagonal(b, x, offset, dim1, dim2)


def diagonal_scatter(b: TorchBuilder, x: Value, src: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor"""
    matrices = basic.transpose(b, x, _last(x.rank, dim1, dim2))
    written = diagonal.replace_diagonal(b, matrices, src, offset)
    return _put_back(b, written, dim1, dim2)


def _last(rank: int, dim1: int, dim2: int) -> list[int]:
    """The permutation that moves the two dimensions to the end."""
    ends = [dim1 % rank, dim2 % rank]
    return [*(i for i in range(rank) if i not in ends), *ends]


def _put_back(b: TorchBuilder, x: Value, dim1: int, dim2: int) -> Value:
    """The inverse: x's last two dimensions moved to dim1 and dim2."""
    order = _last(x.rank, dim1, dim2)
    return basic.transpose(b, x, [order.index(i) for i in range(x.rank)])


_NO_OPS = (
    *(aten.clone.default, aten.contiguous.default, aten.alias.default, aten.alias_copy.default),
    *(aten.detach.default, aten.detach_copy.default, aten.lift.default, aten.lift_fresh.default),
    *(aten.lift_fresh_copy.default, aten.real.default, aten.resolve_conj.default, aten.resolve_neg.default),
    *(aten.conj.default, aten._conj.default, aten.conj_physical.default, aten.positive.default),
    torch.ops.prims.view_of.default,
)
_REGROUPING = (
    *(aten.view.default, aten.view_copy.default, aten.reshape.default, aten._unsafe_view.default),
    *(aten._reshape_copy.default, aten._reshape_alias.default),
    *(aten.view_as.default, aten.reshape_as.default),
    *(aten.flatten.using_ints, aten.unflatten.int, aten.ravel.default),
    *(aten.squeeze.default, aten.squeeze.dim, aten.squeeze.dims, torch.ops.prims.squeeze.default),
    *(aten.squeeze_copy.default, aten.squeeze_copy.dim, aten.squeeze_copy.dims),
    *(aten.unsqueeze.default, aten.unsqueeze_copy.default),
    *(aten.atleast_1d.default, aten.atleast_2d.default, aten.atleast_3d.default),
)


def numel(b: TorchBuilder, x: Value) -> int | Size:
    """numel(Tensor self) -> int"""
    return prod(x.shape)


LOWERINGS: Table = {
    aten.numel.default: numel,
    **dict.fromkeys(_NO_OPS, same),
    **dict.fromkeys(_REGROUPING, regrouped),
    **dict.fromkeys((aten.atleast_1d.Sequence, aten.atleast_2d.Sequence, aten.atleast_3d.Sequence), regrouped_all),
    aten.permute.default: permute,
    aten.permute_copy.default: permute,
    aten.transpose.int: transpose,
    aten.transpose_copy.int: transpose,
    aten.swapaxes.default: transpose,
    aten.swapdims.default: transpose,
    aten.t.default: matrix_transpose,
    aten.t_copy.default: matrix_transpose,
    aten.mT.default: matrix_transpose,
    aten.mH.default: matrix_transpose,
    aten.matrix_H.default: matrix_transpose,
    aten.adjoint.default: matrix_transpose,
    aten.numpy_T.default: reversed_dims,
    aten.movedim.int: movedim,
    aten.movedim.intlist: movedim,
    aten.moveaxis.int: movedim,
    aten.moveaxis.intlist: movedim,
    aten.expand.default: expand,
    aten.expand_copy.default: expand,
    aten.expand_as.default: expand,
    aten.broadcast_to.default: expand,
    aten.broadcast_tensors.default: broadcast_tensors,
    aten.meshgrid.default: meshgrid,
    aten.meshgrid.indexing: meshgrid,
    aten.cartesian_prod.default: cartesian_prod,
    aten.copy.default: copy,
    aten.unfold.default: unfold,
    aten.unfold_copy.default: unfold,
    aten.as_strided.default: as_strided,
    aten.as_strided_copy.default: as_strided,
    aten.diagonal.default: take_diagonal,
    aten.linalg_diagonal.default: linalg_diagonal,
    aten.diagonal_copy.default: take_diagonal,
    aten.diag.default: diag,
    aten.diag_embed.default: diag_embed,
    aten.diagflat.default: diagflat,
    aten.diagonal_scatter.default: diagonal_scatter,
}
