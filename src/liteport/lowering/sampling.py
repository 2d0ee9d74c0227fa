"""Sampling x[N,C,*space] at computed places: a grid[N,*out,dims] of coordinates, the last dimension's first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, formula
from liteport.lowering.formula import Term

Taps = list[tuple[Term, Term | None]]
"""Along one dimension: which elements (whole numbers, as floats, inside) count, and their weights (None: 1)."""

# Cubic convolution with a = -0.75 in the distance of a tap, up to 1 and from 1 to 2.
_NEAR = (1.0, 0.0, -2.25, 1.25)
_FAR = (3.0, -6.0, 3.75, -0.75)


def sample(b: Builder, x: Value, grid: Value, mode: str, padding: str, align_corners: bool) -> Value:
    """[N,C,*out]: x at the grid's places, -1 and 1 being the ends of each dimension.

    `mode`: "nearest", "linear" or "cubic". `padding`, beyond the ends: "zeros", "border" or
    "reflection". `align_corners`: the ends are the middles of the outermost elements, else their edges.
    """
    n, *out, _ = grid.shape
    if padding == "zeros":
        # Zeros around x, beyond which all places count as the border.
        x = basic.pad(b, x, [(0, 0), (0, 0), *((1, 1) for _ in x.shape[2:])])
    sizes = x.shape[2:]
    places = basic.reshape(b, grid, (n, prod(out), len(sizes)))
    taps: list[Taps] = []
    for i, size in enumerate(sizes):
        place = Term(b, basic.narrow(b, places, 2, len(sizes) - 1 - i, 1))
        taps.append(_taps(place, size, mode, padding, align_corners))
    total = _sum_of_taps(b, x, sizes, taps)
    return basic.channels_first(b, basic.reshape(b, total, (n, *out, x.shape[1])))


def at_places(b: Builder, x: Value, places: Sequence[Term]) -> Value:
    """[N,P,C]: x[N,C,*space] at places[N,P,1], one for each dimension and counted in elements: linear, zero outside."""
    x = basic.pad(b, x, [(0, 0), (0, 0), *((1, 1) for _ in x.shape[2:])])
    sizes = x.shape[2:]
    taps = [_linear_taps(_inside(at, size, "zeros", True), size) for at, size in zip(places, sizes, strict=True)]
    return _sum_of_taps(b, x, sizes, taps)


def _taps(place: Term, size: int, mode: str, padding: str, align_corners: bool) -> Taps:
    """The taps along a dimension of `size` (zeros included) for coordinates [N,P,1]."""
    zeros = int(padding == "zeros")
    inner = size - 2 * zeros
    at = (place + 1.0) * 0.5 * float(inner - 1) if align_corners else ((place + 1.0) * float(inner) - 1.0) * 0.5
    if mode == "cubic":
        return _cubic_taps(at, size, padding, align_corners)
    if mode == "nearest" and zeros:  # halves go to the even one of x's own elements, of which zeros in front are none
        return [(_inside(formula.emit(ops.Round(), at), size, padding, align_corners), None)]
    at = _inside(at, size, padding, align_corners)
    if mode == "nearest":
        return [(formula.emit(ops.Round(), at), None)]
    return _linear_taps(at, size)


def _linear_taps(at: Term, size: int) -> Taps:
    """The element before and the one after a coordinate in [0, size - 1]."""
    first = formula.floor(at)
    share = at - first
    return [(first, 1.0 - share), (formula.minimum(first + 1.0, float(size - 1)), share)]


def _cubic_taps(at: Term, size: int, padding: str, align_corners: bool) -> Taps:
    """Four taps with the weights of cubic convolution; each is brought inside by itself."""
    first = formula.floor(at)
    t = at - first
    away = ((t + 1.0, _FAR), (t, _NEAR), (1.0 - t, _NEAR), (2.0 - t, _FAR))
    weights = [formula.polynomial(distance, coefficients) for distance, coefficients in away]
    return [
        (_inside(first + float(k), size, padding, align_corners), weight)
        for k, weight in zip((-1, 0, 1, 2), weights, strict=True)
    ]


def _inside(at: Term, size: int, padding: str, align_corners: bool) -> Term:
    """The coordinates brought into [0, size - 1]; nan goes to 0."""
    if padding == "zeros":
        at = at + 1.0
    if padding == "reflection":
        low, span = (0.0, float(size - 1)) if align_corners else (-0.5, float(size))
        at = _reflected(at, low, span)
    return formula.emit(ops.Minimum(), formula.emit(ops.Maximum(), at, 0.0), float(size - 1))


def _reflected(at: Term, low: float, span: float) -> Term:
    """A coordinate that turns round at `low` and at low + span."""
    if span == 0:
        return at * 0.0
    there = at - low
    back = there - formula.floor(there * (0.5 / span)) * (2 * span)
    return (span + low) - abs(back - span)


def _sum_of_taps(b: Builder, x: Value, sizes: Sequence[int], taps: Sequence[Taps]) -> Value:
    """[N,P,C]: x at every combination of the dimensions' taps, times their weights."""
    rows = basic.channels_last(b, x)
    n, c = rows.shape[0], rows.shape[-1]
    rows = basic.reshape(b, rows, (prod(sizes), c) if n == 1 else (n, prod(sizes), c))
    total: Term | None = None
    for combination in product(*taps):
        index: Term | None = None
        weight: Term | None = None
        for (at, share), size in zip(combination, sizes, strict=True):
            place = at.cast(DType.INT32)
            index = place if index is None else index * size + place
            weight = weight * share if weight is not None and share is not None else share
        assert index is not None
        term = _rows_at(b, rows, index.value)
        term = term if weight is None else term * weight
        total = term if total is None else total + term
    assert total is not None
    return total.value


def _rows_at(b: Builder, rows: Value, index: Value) -> Term:
    """rows[P',C] or [N,P',C] at index[N,P,1] -> [N,P,C]."""
    n, count, _ = index.shape
    at = basic.reshape(b, index, (n, count))
    return Term(b, b.emit(ops.Gather(axis=rows.rank - 2, batch_dims=rows.rank - 2), rows, at))


def affine_grid(b: Builder, theta: Value, size: Sequence[int], align_corners: bool) -> Value:
    """[N,*size,dims]: a grid over [-1, 1], the last dimension's coordinate first, times theta[N,dims,dims+1]."""
    ends = [1.0 if align_corners else (n - 1) / n for n in size]
    lines = [np.linspace(-end, end, n) if n > 1 else np.zeros(1) for n, end in zip(size, ends, strict=True)]
    axes = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*axes[::-1], np.ones(tuple(size))], axis=-1).reshape(1, prod(size), len(size) + 1)
    grid = b.emit(ops.BatchMatmul(adj_y=True), b.const(base.astype(np.float32)), theta)
    return basic.reshape(b, grid, (theta.shape[0], *size, len(size)))
