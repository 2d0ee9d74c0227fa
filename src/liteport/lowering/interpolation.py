"""Resizing x[N,C,*space] to [N,C,*counts]: tables and matrices for each dimension, and kernels where these agree.

The numbers are computed in float32 in PyTorch's order of operations, since rounding decides which
elements a point falls between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering import basic, computed_matrices, linear, padding

# RESIZE_BILINEAR in XNNPACK rounds a half-pixel's place apart from its scale: one unit in the last place of
# the coordinate, which is exact for scales that are fractions of powers of two and small up to this size.
_CLOSE = 16


@dataclass(frozen=True)
class Axis:
    """A dimension of `size` elements resized to `count`, result i lying at i * scale, or between half pixels.

    Where the sizes are only known when the model runs, so is the scale, unless a `factor` sets it.
    """

    size: int
    count: int
    scale: np.float32
    align_corners: bool = False
    factor: Fraction | None = None

    @property
    def places(self) -> Array:
        """Where every result lies among the elements, float32; half pixels by one fused multiply-add."""
        at = np.arange(self.count)
        if self.align_corners:
            return self.scale * at.astype(np.float32)
        return (np.float64(self.scale) * (at + 0.5) - 0.5).astype(np.float32)

    @property
    def is_identity(self) -> bool:
        return self.size == self.count and (self.is_open or self.scale in (1, 0))

    @property
    def is_open(self) -> bool:
        return not is_fixed((self.size, self.count))

    @property
    def suits_kernel(self) -> bool:
        """Whether RESIZE_BILINEAR puts the results in the same places."""
        if self.align_corners or self.is_open:
            return True
        if self.scale != np.float32(self.size / self.count):
            return False
        dyadic = float(self.scale) * self.count == self.size
        return dyadic or self.size <= _CLOSE


@dataclass(frozen=True)
class Placed(Axis):
    """A dimension whose results lie at places `at` among the elements, by a rule of the source's own."""

    at: tuple[float, ...] = ()

    @property
    def places(self) -> Array:
        return np.asarray(self.at, np.float32)

    @property
    def is_identity(self) -> bool:
        return self.size == self.count and self.at == tuple(range(self.count))

    @property
    def suits_kernel(self) -> bool:
        return False


def axis(size: int, count: int, factor: float | None = None, align_corners: bool = False) -> Axis:
    """A dimension as PyTorch resizes it: `factor`, where given, sets the scale, whatever the sizes are.

    Raises UnsupportedError for a factor that is no fraction of small numbers where sizes are not known.
    """
    if not is_fixed((size, count)):
        ratio = Fraction(factor).limit_denominator(1 << 10) if factor and not align_corners else None
        if ratio is not None and float(ratio) != factor:
            raise UnsupportedError(f"resizing {size} by {factor}: give the size to resize to, or a factor such as 1.7")
        return Axis(size, count, np.float32(1 / factor if factor and ratio else np.nan), align_corners, ratio)
    if align_corners:
        return Axis(size, count, np.float32((size - 1) / (count - 1) if count > 1 else 0), True)
    return Axis(size, count, np.float32(1 / factor if factor else size / count))


# Tables and matrices

Filter = Callable[[Array], Array]
MatrixOf = Callable[[Axis], Array]


def nearest(dim: Axis, centred: bool) -> Array:
    """The element that each result takes: the one it lies in, by its beginning or, `centred`, by its middle."""
    at = np.arange(dim.count, dtype=np.float32) + np.float32(0.5 if centred else 0)
    return _floor(at * dim.scale, dim.size)


def _floor(places: Array, size: int) -> Array:
    clipped: Array = np.minimum(np.floor(places).astype(int), size - 1)
    return clipped


def linear_matrix(dim: Axis) -> Array:
    """[count, size]: between the two elements around each place."""
    place = np.maximum(dim.places, np.float32(0))
    first = place.astype(int)
    share = place - first.astype(np.float32)
    return _matrix(dim, first, [1 - share, share])


def cubic_matrix(dim: Axis, a: float = -0.75, *, exclude: bool = False) -> Array:
    """[count, size]: by cubic convolution over the four elements around each place, end elements repeated, or
    (`exclude`) with the weights of what there is made 1 in sum."""
    first = np.floor(dim.places).astype(int)
    share = (dim.places - first.astype(np.float32)).astype(np.float64)
    return _matrix(dim, first - 1, [cubic(share - k, a) for k in (-1, 0, 1, 2)], exclude)


def widened_matrix(dim: Axis, filter: Filter, support: float, *, exclude: bool = False) -> Array:
    """[count, size]: `filter`, nonzero within `support`, around each place, widened to the scale where that shrinks,
    with its weights 1 in sum; beyond the ends as in `cubic_matrix`. As ONNX has antialiasing."""
    stretch = max(float(dim.scale), 1.0)
    reach = int(np.ceil(support * stretch))
    first = np.floor(dim.places).astype(int)
    share = (dim.places - first.astype(np.float32)).astype(np.float64)
    weights = [filter((share - k) / stretch) for k in range(-reach, reach + 1)]
    total = np.sum(weights, axis=0)
    return _matrix(dim, first - reach, [w / total for w in weights], exclude)


def _matrix(dim: Axis, first: Array, weights: Sequence[Array], exclude: bool = False) -> Array:
    """Row i has weights[k][i] at first[i] + k, or at the nearest element there is; with `exclude` nothing for what is
    not there, and 1 in sum."""
    matrix = np.zeros((dim.count, dim.size))
    for k, weight in enumerate(weights):
        place = np.clip(first + k, 0, dim.size - 1)
        inside = (first + k == place) | (not exclude)
        np.add.at(matrix, (np.arange(dim.count), place), weight * inside)
    return matrix / matrix.sum(axis=1, keepdims=True) if exclude else matrix


def antialiased_matrix(dim: Axis, filter: Filter, support: float) -> Array:
    """[count, size]: `filter`, nonzero within `support`, widened to the scale where that shrinks, and normalised."""
    one, half = np.float32(1), np.float32(0.5)
    stretch = max(dim.scale, one)
    reach = np.float32(support) * stretch
    matrix = np.zeros((dim.count, dim.size))
    for i in range(dim.count):
        centre = dim.scale * np.float32(i + 0.5)
        first = max(int(centre - reach + half), 0)
        at = np.arange(first, min(int(centre + reach + half), dim.size))
        distance = (at.astype(np.float32) - centre + half) * (one / stretch)
        weights = filter(distance.astype(np.float64))
        matrix[i, at] = weights / weights.sum()
    return matrix


def triangle(x: Array) -> Array:
    """The filter of linear interpolation; support 1."""
    hat: Array = np.maximum(1 - np.abs(x), 0)
    return hat


def cubic(x: Array, a: float = -0.5) -> Array:
    """Keys' cubic convolution; support 2."""
    x = np.abs(x)
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0))


def lanczos(x: Array) -> Array:
    """A windowed sinc; support 3."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


# Operators


def resize_cubic(b: Builder, x: Value, dims: Sequence[Axis]) -> Value:
    """By cubic convolution along every dimension."""
    if not any(dim.is_open for dim in dims):
        return by_matrices(b, x, [cubic_matrix(dim) for dim in dims])
    y = basic.channels_last(b, x)
    for at, dim in enumerate(dims, 1):
        if dim.is_identity:
            continue
        scale = float(dim.scale) if dim.factor else computed_matrices.ratio(b, dim.size, dim.count, dim.align_corners)
        matrix = computed_matrices.cubic(b, dim.size, dim.count, scale, dim.align_corners)
        ends = [(2, 2) if i == at else (0, 0) for i in range(y.rank)]
        y = computed_matrices.along(b, padding.pad_with_own(b, y, ends, "replicate"), at, matrix)
    return basic.channels_first(b, y)


def resize_nearest(b: Builder, x: Value, dims: Sequence[Axis], centred: bool) -> Value:
    """Every result a copy of one element: RESIZE_NEAREST_NEIGHBOR where it picks the same ones, else GATHER."""
    if all(dim.is_identity for dim in dims):
        return x
    if any(dim.is_open for dim in dims):
        return _open_by_planes(b, x, dims, ops.ResizeNearestNeighbor(half_pixel_centers=centred))
    return pick(b, x, [nearest(dim, centred) for dim in dims])


def pick(b: Builder, x: Value, tables: Sequence[Array]) -> Value:
    """The elements of x[N,C,*space] at tables[i] along its spatial dimension i."""
    dims = [axis(size, len(table)) for size, table in zip(x.shape[2:], tables, strict=True)]
    for half in (False, True):
        alike = all(np.array_equal(t, _kernel_table(dim, half)) for t, dim in zip(tables, dims, strict=True))
        if alike and x.dtype in ops.ResizeNearestNeighbor.dtypes:
            return _by_planes(b, x, dims, ops.ResizeNearestNeighbor(half_pixel_centers=half))
    return pick_along(b, x, dict(enumerate(tables, 2)))


def pick_along(b: Builder, x: Value, tables: Mapping[int, Array]) -> Value:
    """The elements of x at the tables of its dimensions."""
    for at, table in tables.items():
        if not np.array_equal(table, np.arange(x.shape[at])):
            x = basic.gather(b, x, table.tolist(), at)
    return x


def _kernel_table(dim: Axis, half_pixel: bool) -> Array:
    """What RESIZE_NEAREST_NEIGHBOR picks."""
    at = np.arange(dim.count, dtype=np.float32) + np.float32(0.5 if half_pixel else 0)
    return _floor(at * np.float32(dim.size / dim.count), dim.size)


def resize_linear(b: Builder, x: Value, dims: Sequence[Axis]) -> Value:
    """Linear along every dimension: RESIZE_BILINEAR where it is as close as float32 allows, else matrices."""
    if all(dim.is_identity for dim in dims):
        return x
    if not all(dim.suits_kernel for dim in dims):
        return by_matrices(b, x, [linear_matrix(dim) for dim in dims])
    aligned = dims[0].align_corners
    return _open_by_planes(b, x, dims, ops.ResizeBilinear(align_corners=aligned, half_pixel_centers=not aligned))


Resize = ops.ResizeBilinear | ops.ResizeNearestNeighbor


def _open_by_planes(b: Builder, x: Value, dims: Sequence[Axis], resize: Resize) -> Value:
    """`_by_planes`, where kernels take another scale than the factor's if that makes no whole number of the size.

    Then as many elements are resized as it does make one of: with end elements repeated, or without those not seen.
    """
    whole = []
    for at, dim in enumerate(dims, 2):
        if dim.factor is None or dim.size * dim.factor.numerator == dim.count * dim.factor.denominator:
            whole.append(dim)
            continue
        up, down = dim.factor.numerator, dim.factor.denominator
        blocks = dim.count if up == 1 else -(-dim.size // down)
        if up == 1:
            x = basic.narrow(b, x, at, 0, blocks * down)
        else:
            pads = [(0, blocks * down - dim.size if i == at else 0) for i in range(x.rank)]
            x = padding.pad_with_own(b, x, pads, "replicate")
        whole.append(replace(dim, size=blocks * down, count=blocks * up))
    y = _by_planes(b, x, whole, resize)
    return basic.slice_(b, y, [0] * y.rank, [*y.shape[:2], *(dim.count for dim in dims)])


def by_matrices(b: Builder, x: Value, matrices: Sequence[Array]) -> Value:
    """A matrix along every spatial dimension, those that shrink x the most first."""
    y = basic.channels_last(b, x)
    growth = [len(m) / m.shape[1] for m in matrices]
    for i in sorted(range(len(matrices)), key=growth.__getitem__):
        y = linear.along(b, y, 1 + i, matrices[i])
    return basic.channels_first(b, y)


def _by_planes(b: Builder, x: Value, dims: Sequence[Axis], resize: Resize) -> Value:
    """A 2-d kernel on x: one dimension as a single row, three as each depth's plane, then depth over single rows."""
    counts = [dim.count for dim in dims]
    if x.rank == 3:
        y = basic.channels_last(b, basic.unsqueeze(b, x, 2))
        y = b.emit(resize, y, basic.ints(b, [1, *counts]))
        return basic.squeeze(b, basic.channels_first(b, y), 2)
    y = basic.channels_last(b, x)
    if x.rank == 4:
        return basic.channels_first(b, b.emit(resize, y, basic.ints(b, counts)))
    n, d, height, width, c = y.shape
    if (height, width) != tuple(counts[1:]):
        y = b.emit(resize, basic.reshape(b, y, (n * d, height, width, c)), basic.ints(b, counts[1:]))
    pixels = prod(counts[1:])
    if d != counts[0]:
        y = b.emit(resize, basic.reshape(b, y, (n, d, pixels, c)), basic.ints(b, [counts[0], pixels]))
    return basic.channels_first(b, basic.reshape(b, y, (n, *counts, c)))
