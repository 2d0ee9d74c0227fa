"""Distances and similarities between vectors."""

from __future__ import annotations

from liteport.ir import ops
from liteport.lowering import basic, matmul, reduction
from liteport.lowering.formula import Term, maximum, sqrt

# From so many vectors on either side PyTorch, and we, take |x|^2 + |y|^2 - 2xy over all differences.
_MANY = 25


def pairwise_distance(x: Term, y: Term, order: float, eps: float, keep_dims: bool = False) -> Term:
    """|x - y + eps| along the last axis."""
    difference = x - y + eps
    return reduction.norm(difference, order, [difference.value.rank - 1], keep_dims)


def cosine_similarity(x: Term, y: Term, axis: int, eps: float) -> Term:
    """x.y / (max(|x|, eps) max(|y|, eps)) along `axis`; x and y broadcast."""
    product = x * y
    if not product.value.rank:
        return product / (maximum(abs(x), eps) * maximum(abs(y), eps))
    axis %= product.value.rank
    sizes = [maximum(reduction.norm(_repeated(t, product, axis), 2, [axis]), eps) for t in (x, y)]
    return product.reduce(ops.Sum, [axis]) / (sizes[0] * sizes[1])


def _repeated(x: Term, like: Term, axis: int) -> Term:
    """x as long as `like` along `axis`."""
    shape = [like.value.shape[axis] if i == axis else d for i, d in enumerate(x.value.shape)]
    return Term(x.b, basic.broadcast_to(x.b, x.value, shape))


def cdist(x: Term, y: Term, order: float, *, by_products: bool | None = None) -> Term:
    """x[..., P, M], y[..., R, M] -> the distance of every pair, [..., P, R].

    `by_products` says whether Euclidean distances come from one matrix product; None leaves it to the sizes.
    """
    if by_products is None:
        by_products = max(x.value.shape[-2], y.value.shape[-2]) > _MANY
    if order == 2 and by_products:
        return _euclidean(x, y)
    b = x.b
    pairs = Term(b, basic.unsqueeze(b, x.value, -2)) - Term(b, basic.unsqueeze(b, y.value, -3))
    return reduction.norm(pairs, order, [pairs.value.rank - 1])


def _euclidean(x: Term, y: Term) -> Term:
    b, last = x.b, x.value.rank - 1
    products = Term(b, matmul.batch_matmul(b, (x * -2.0).value, y.value, adj_y=True))
    rows = (x * x).reduce(ops.Sum, [last], keep_dims=True)
    columns = (y * y).reduce(ops.Sum, [last])
    squares = products + rows + Term(b, basic.unsqueeze(b, columns.value, -2))
    return sqrt(maximum(squares, 0.0))
