"""Matrix products of tensors of any rank, after NumPy's matmul, and linear layers."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.ops.base import broadcast
from liteport.ir.types import Shape
from liteport.lowering import basic

# BATCH_MATMUL's built-in kernel stops here, and so does FULLY_CONNECTED at its side.
_MAX_RANK = 5


def matmul(b: Builder, x: Value, y: Value) -> Value:
    """x @ y: vectors count as a row on the left and a column on the right; leading dimensions broadcast."""
    if x.rank == 1:
        product = matmul(b, basic.unsqueeze(b, x, 0), y)
        return basic.squeeze(b, product, -1 if y.rank == 1 else -2)
    if y.rank == 1:
        return basic.squeeze(b, matmul(b, x, basic.unsqueeze(b, y, 1)), -1)
    if not x.type.size or not y.type.size:
        return _zeros(b, x, y)
    if not x.dtype.is_float:
        return _of_integers(b, x, y)
    if y.rank == 2:
        return _by_matrix(b, x, y)
    return batch_matmul(b, x, y)


def linear(b: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """x[..., I] with weight[O, I] and bias[O] -> [..., O]: one FULLY_CONNECTED where the weight is constant."""
    if weight.rank == 1 or not weight.is_const or not x.dtype.is_float or not x.type.size:
        product = matmul(b, x, weight if weight.rank == 1 else basic.transpose(b, weight, [1, 0]))
        return product if bias is None else b.emit(ops.Add(), product, bias)
    fits = 1 < x.rank <= _MAX_RANK
    rows = x if fits else basic.reshape(b, x, (prod(x.shape[:-1]), x.shape[-1]))
    fused = bias if bias is not None and bias.is_const and bias.shape == weight.shape[:1] else None
    out = b.emit(ops.FullyConnected(keep_num_dims=True), rows, weight, fused)
    out = basic.reshape(b, out, (*x.shape[:-1], weight.shape[0]))
    return out if fused is bias or bias is None else b.emit(ops.Add(), out, bias)


def batch_matmul(b: Builder, x: Value, y: Value, *, adj_y: bool = False) -> Value:
    """x[..., M, K] @ y[..., K, N] (y[..., N, K] if `adj_y`), of ranks from 2 on; leading dimensions broadcast."""
    operator = ops.BatchMatmul(adj_y=adj_y)
    rank = max(x.rank, y.rank)
    left, right = (basic.reshape(b, v, (1,) * (rank - v.rank) + v.shape) for v in (x, y))
    if rank <= _MAX_RANK:
        return b.emit(operator, left, right)
    batch = broadcast(operator, [left.shape[:-2], right.shape[:-2]])
    flat = [
        basic.reshape(b, basic.broadcast_to(b, v, (*batch, *v.shape[-2:])), (prod(batch), *v.shape[-2:]))
        for v in (left, right)
    ]
    product = b.emit(operator, *flat)
    return basic.reshape(b, product, (*batch, *product.shape[-2:]))


def _by_matrix(b: Builder, x: Value, y: Value) -> Value:
    """x[..., K] @ y[K, N], the leading dimensions of x being so many rows."""
    if y.data is not None:
        return linear(b, x, basic.turned(b, y))
    rows = basic.reshape(b, x, (prod(x.shape[:-1]), x.shape[-1]))
    return basic.reshape(b, b.emit(ops.BatchMatmul(), rows, y), (*x.shape[:-1], y.shape[1]))


def _of_integers(b: Builder, x: Value, y: Value) -> Value:
    """The product of integers, exact: there is no kernel, so all products are made and summed."""
    rank = max(x.rank, y.rank)
    left, right = (basic.reshape(b, v, (1,) * (rank - v.rank) + v.shape) for v in (x, y))
    products = b.emit(ops.Mul(), basic.unsqueeze(b, left, -1), basic.unsqueeze(b, right, -3))
    return basic.reduce(b, ops.Sum, products, [rank - 1])


def _zeros(b: Builder, x: Value, y: Value) -> Value:
    """What a sum over nothing gives: XNNPACK refuses empty operands."""
    return b.const(np.zeros(product_shape(x.shape, y.shape), x.dtype.numpy))


def product_shape(x: Shape, y: Shape) -> Shape:
    """The shape of x @ y, both of rank 2 or more."""
    return (*broadcast(ops.BatchMatmul(), [x[:-2], y[:-2]]), x[-2], y[-1])
