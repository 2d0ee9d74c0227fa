"""Matrix products in all their forms, linear layers, and distances built on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import Scalar, operand, operands, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, distance, reduction
from liteport.lowering import einsum as summation
from liteport.lowering import matmul as product
from liteport.lowering.formula import Term
from liteport.lowering.operands import align, axis, convert, wide

aten = torch.ops.aten


def matmul(b: TorchBuilder, x: Value, other: Value) -> Value:
    """matmul(Tensor self, Tensor other) -> Tensor; and mm, bmm, mv, dot, which are special cases"""
    dtype = b.result.dtype
    return convert(b, product.matmul(b, operand(b, x, wide(dtype)), operand(b, other, wide(dtype))), dtype)


def linear(b: TorchBuilder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor"""
    return product.linear(b, x, weight, bias)


def plus(b: TorchBuilder, x: Value, y: Value, beta: Scalar, alpha: Scalar) -> Value:
    """beta * x + alpha * y in PyTorch's result type; with beta 0, x does not count even where it is nan."""
    result, dtype = b.result, wide(b.result.dtype)
    base, value = terms(b, x, y, dtype=dtype)
    value = value if alpha == 1 else value * alpha
    if beta == 0:
        return convert(b, basic.broadcast_to(b, value.value, result.shape), result.dtype)
    return convert(b, ((base if beta == 1 else base * beta) + value).value, result.dtype)


def addmm(b: TorchBuilder, x: Value, mat1: Value, mat2: Value, *, beta: Scalar = 1, alpha: Scalar = 1) -> Value:
    """addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor"""
    if beta == alpha == 1 and x.is_const and mat2.data is not None and mat1.dtype.is_float:
        return product.linear(b, mat1, b.const(mat2.data.T, name=mat2.name), x)
    return plus(b, x, matmul(b, mat1, mat2), beta, alpha)


def addmv(b: TorchBuilder, x: Value, mat: Value, vec: Value, *, beta: Scalar = 1, alpha: Scalar = 1) -> Value:
    """addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor; and baddbmm"""
    return plus(b, x, matmul(b, mat, vec), beta, alpha)


def addbmm(b: TorchBuilder, x: Value, batch1: Value, batch2: Value, *, beta: Scalar = 1, alpha: Scalar = 1) -> Value:
    """addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor"""
    total = basic.reduce(b, ops.Sum, matmul(b, batch1, batch2), [0])
    return plus(b, x, total, beta, alpha)


def addr(b: TorchBuilder, x: Value, vec1: Value, vec2: Value, *, beta: Scalar = 1, alpha: Scalar = 1) -> Value:
    """addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor"""
    return plus(b, x, outer(b, vec1, vec2), beta, alpha)


def outer(b: TorchBuilder, x: Value, vec2: Value) -> Value:
    """outer(Tensor self, Tensor vec2) -> Tensor"""
    column, row = operands(b, basic.unsqueeze(b, x, 1), vec2, dtype=wide(b.result.dtype))
    return convert(b, b.emit(ops.Mul(), column, row), b.result.dtype)


def einsum(b: TorchBuilder, equation: str, tensors: Sequence[Value], *, path: Sequence[int] | None = None) -> Value:
    """einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor"""
    dtype = b.result.dtype
    return convert(b, summation.einsum(b, equation, [operand(b, t, wide(dtype)) for t in tensors]), dtype)


def inner(b: TorchBuilder, x: Value, other: Value) -> Value:
    """inner(Tensor self, Tensor other) -> Tensor"""
    if not x.rank or not other.rank:
        left, right = terms(b, x, other, dtype=wide(b.result.dtype))
        return convert(b, (left * right).value, b.result.dtype)
    return tensordot(b, x, other, [x.rank - 1], [other.rank - 1])


def tensordot(b: TorchBuilder, x: Value, other: Value, dims_self: Sequence[int], dims_other: Sequence[int]) -> Value:
    """tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor"""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(x.rank)]
    right = [next(letters) for _ in range(other.rank)]
    for i, j in zip(dims_self, dims_other, strict=True):
        right[axis(j, other.rank)] = left[axis(i, x.rank)]
    free = [c for c in (*left, *right) if (c in left) != (c in right)]
    return einsum(b, f"{''.join(left)},{''.join(right)}->{''.join(free)}", [x, other])


def chain_matmul(b: TorchBuilder, matrices: Sequence[Value]) -> Value:
    """chain_matmul(Tensor[] matrices) -> Tensor; and linalg_multi_dot: from the left"""
    out = matrices[0]
    for matrix in matrices[1:]:
        out = product.matmul(b, out, matrix)
    return out


def bilinear(b: TorchBuilder, input1: Value, input2: Value, weight: Value, bias: Value | None = None) -> Value:
    """bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor"""
    out = summation.einsum(b, "...i,oij,...j->...o", [input1, weight, input2])
    return out if bias is None else b.emit(ops.Add(), *align(b, [out, bias]))


def vecdot(b: TorchBuilder, x: Value, y: Value, *, dim: int = -1) -> Value:
    """linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor"""
    left, right = terms(b, x, y, dtype=wide(b.result.dtype))
    products = left * right
    total = products.reduce(ops.Sum, [axis(dim, products.value.rank)])
    return convert(b, total.value, b.result.dtype)


def cross(b: TorchBuilder, x: Value, other: Value, dim: int | None = None) -> Value:
    """cross(Tensor self, Tensor other, int? dim=None) -> Tensor; without dim, along the first dimension of 3"""
    result = b.result
    at = axis(result.shape.index(3) if dim is None else dim, result.rank)
    left, right = (basic.broadcast_to(b, v.value, result.shape) for v in terms(b, x, other, dtype=wide(result.dtype)))
    after, before = [1, 2, 0], [2, 0, 1]
    ahead, behind = (
        Term(b, basic.gather(b, left, i, at)) * Term(b, basic.gather(b, right, j, at))
        for i, j in ((after, before), (before, after))
    )
    return convert(b, (ahead - behind).value, result.dtype)


def linalg_cross(b: TorchBuilder, x: Value, other: Value, *, dim: int = -1) -> Value:
    """linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor"""
    return cross(b, x, other, dim)


def kron(b: TorchBuilder, x: Value, other: Value) -> Value:
    """kron(Tensor self, Tensor other) -> Tensor"""
    rank = max(x.rank, other.rank)
    left, right = ((1,) * (rank - v.rank) + v.shape for v in (x, other))
    # [a, 1, b, 1, ...] * [1, c, 1, d, ...] -> [a*c, b*d, ...]
    spread = [basic.reshape(b, x, [n for d in left for n in (d, 1)])]
    spread.append(basic.reshape(b, other, [n for d in right for n in (1, d)]))
    dtype = wide(b.result.dtype)
    products = b.emit(ops.Mul(), *operands(b, *spread, dtype=dtype))
    return convert(b, basic.reshape(b, products, b.result.shape), b.result.dtype)


def cosine_similarity(b: TorchBuilder, x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor"""
    left, right = terms(b, x1, x2, dtype=DType.FLOAT32)
    return distance.cosine_similarity(left, right, dim, eps).value


def pairwise_distance(
    b: TorchBuilder, x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Value:
    """pairwise_distance(Tensor x1, Tensor x2, float p=2., float eps=1e-06, bool keepdim=False) -> Tensor"""
    left, right = terms(b, x1, x2, dtype=DType.FLOAT32)
    return distance.pairwise_distance(left, right, p, eps, keepdim).value


def cdist(b: TorchBuilder, x1: Value, x2: Value, p: float = 2.0, compute_mode: int | None = None) -> Value:
    """cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor; and _cdist_forward"""
    by_products = {1: True, 2: False}.get(compute_mode or 0)
    rank = max(x1.rank, x2.rank)
    left, right = (Term(b, basic.reshape(b, x, (1,) * (rank - x.rank) + x.shape)) for x in (x1, x2))
    return distance.cdist(left, right, p, by_products=by_products).value


def dist(b: TorchBuilder, x: Value, other: Value, p: Scalar = 2) -> Value:
    """dist(Tensor self, Tensor other, Scalar p=2) -> Tensor"""
    left, right = terms(b, x, other)
    difference = left - right
    return reduction.norm(difference, p, range(difference.value.rank)).value


def pdist(b: TorchBuilder, x: Value, p: float = 2.0) -> Value:
    """_pdist_forward(Tensor self, float p=2) -> Tensor; the distances of all pairs of rows."""
    first, second = np.triu_indices(x.shape[0], 1)
    left, right = (Term(b, basic.gather(b, x, places.tolist(), 0)) for places in (first, second))
    return distance.pairwise_distance(left, right, p, 0.0).value


def matmul_integer(b: TorchBuilder, x: Value, mat2: Value) -> Value:
    """_int_mm(Tensor self, Tensor mat2) -> Tensor: products of int8, in int32"""
    return b.emit(ops.MatmulInteger(), x, mat2)


LOWERINGS: Table = {
    aten._int_mm.default: matmul_integer,
    aten.matmul.default: matmul,
    aten.linalg_matmul.default: matmul,
    aten.mm.default: matmul,
    aten.bmm.default: matmul,
    aten.mv.default: matmul,
    aten.dot.default: matmul,
    aten.vdot.default: matmul,
    aten.linear.default: linear,
    aten.addmm.default: addmm,
    aten.addmv.default: addmv,
    aten.baddbmm.default: addmv,
    aten.addbmm.default: addbmm,
    aten.addr.default: addr,
    aten.outer.default: outer,
    aten.ger.default: outer,
    aten.inner.default: inner,
    aten.einsum.default: einsum,
    aten.tensordot.default: tensordot,
    aten.chain_matmul.default: chain_matmul,
    aten.linalg_multi_dot.default: chain_matmul,
    aten.bilinear.default: bilinear,
    aten.linalg_vecdot.default: vecdot,
    aten.cross.default: cross,
    aten.linalg_cross.default: linalg_cross,
    aten.kron.default: kron,
    aten.cosine_similarity.default: cosine_similarity,
    aten.pairwise_distance.default: pairwise_distance,
    aten._pdist_forward.default: pdist,
    aten.cdist.default: cdist,
    aten._cdist_forward.default: cdist,
    aten.dist.default: dist,
}
