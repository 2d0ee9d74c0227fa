"""Resizing: Resize and Upsample, in every mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known, one_of
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering import formula, interpolation, linear
from liteport.lowering.formula import Term
from liteport.lowering.interpolation import Axis, Placed
from liteport.lowering.operands import axis as from_front

_CROP = "tf_crop_and_resize"
# What resizing of sizes that are only known when the model runs knows: kernels do it.
_OPEN = frozenset({"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"})


@dataclass(frozen=True)
class _Dimension:
    """One dimension of `size` elements that is resized to `count` by `scale`; what is cropped runs from start to end,
    1 being the last element."""

    size: int
    count: int
    scale: float
    start: float
    end: float

    def places(self, transformation: str) -> Array:
        """Where the results lie among the elements, in float32, in ONNX Runtime's order of operations."""
        at = np.arange(self.count, dtype=np.float32)
        scale, half, last = np.float32(self.scale), np.float32(0.5), np.float32(self.size - 1)
        if transformation == "asymmetric":
            return at / scale
        if transformation == "align_corners":
            return at * last / np.float32(max(self.count - 1, 1))
        if transformation == _CROP:
            start, end = np.float32(self.start), np.float32(self.end)
            if self.count == 1:
                return np.full(1, half * (start + end) * last, np.float32)
            return start * last + at * (end - start) * last / np.float32(self.count - 1)
        if transformation == "pytorch_half_pixel" and self.count == 1:
            return np.full(1, -half)
        if transformation == "tf_half_pixel_for_nn":
            return at if scale == 1 else (at + half) / scale
        middle = (at + half) / scale - half
        if transformation == "half_pixel_symmetric":
            adjusted = np.float32(self.count) / (scale * np.float32(self.size))
            middle = middle + np.float32(self.size) / 2 * (1 - adjusted)
        elif transformation not in ("half_pixel", "pytorch_half_pixel"):
            raise UnsupportedError(f"coordinates by {transformation}")
        return middle


def resize(
    b: OnnxBuilder,
    x: Value,
    roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Value:
    """Resize(X, roi, scales, sizes, antialias=0, axes, coordinate_transformation_mode="half_pixel", mode="nearest")

    Opset 10 has (X, scales), and coordinates that begin at the elements' edges.
    """
    if b.opset < 11:
        return _from_edges(b, x, roi, mode)
    over = [from_front(a, x.rank) for a in axes] if axes is not None else list(range(x.rank))
    dims = _dimensions(x, over, roi, scales, sizes, keep_aspect_ratio_policy)
    transformation = coordinate_transformation_mode
    if not is_fixed((*x.shape, *(d.count for d in dims.values()))):
        if antialias or exclude_outside or cubic_coeff_a != -0.75 or keep_aspect_ratio_policy != "stretch":
            raise UnsupportedError("antialiasing, weights and proportions of its own where sizes are open: fix them")
        return _open(b, x, dims, scales, transformation, mode, nearest_mode)
    placed = {at: _placed(d, transformation) for at, d in dims.items()}
    placed = {at: d for at, d in placed.items() if not d.is_identity}
    if mode == "nearest":
        y = _nearest(b, x, {at: _rounded(d.places, nearest_mode, d.size) for at, d in placed.items()})
    elif not antialias and mode == "linear":
        y = _linear(b, x, placed, dims, transformation)
    else:
        y = _by_matrices(b, x, placed, _matrices(mode, cubic_coeff_a, bool(antialias), bool(exclude_outside)))
    return _extrapolated(b, y, placed, extrapolation_value) if transformation == _CROP else y


def upsample(
    b: OnnxBuilder, x: Value, factors: Value | None = None, *, mode: str = "nearest", scales: Sequence[float] = ()
) -> Value:
    """Upsample(X, scales, mode="nearest"); the scales were an attribute at first."""
    return _from_edges(b, x, b.const(np.asarray(scales, np.float32)) if factors is None else factors, mode)


def _from_edges(b: OnnxBuilder, x: Value, scales: Value | None, mode: str) -> Value:
    """Resizing before opset 11: an element is taken for its beginning, and the next one where x shrinks."""
    dims = _dimensions(x, list(range(x.rank)), None, scales, None, "stretch")
    placed = {at: _placed(d, "asymmetric") for at, d in dims.items()}
    placed = {at: d for at, d in placed.items() if not d.is_identity}
    if one_of(mode, "nearest", "linear", "bilinear") != "nearest":
        return _by_matrices(b, x, placed, interpolation.linear_matrix)
    rules = {at: "floor" if dims[at].scale >= 1 else "ceil" for at in placed}
    return _nearest(b, x, {at: _rounded(d.places, rules[at], d.size) for at, d in placed.items()})


def _dimensions(
    x: Value, over: Sequence[int], roi: Value | None, scales: Value | None, sizes: Value | None, policy: str
) -> dict[int, _Dimension]:
    """The dimensions that are resized, by their places."""
    shape = [x.shape[a] for a in over]
    if sizes is not None and sizes.type.size:
        counts = known(sizes, "sizes").reshape(-1).tolist()
        factors = [c / n if is_fixed((c, n)) else np.nan for c, n in zip(counts, shape, strict=True)]
        if one_of(policy, "stretch", "not_larger", "not_smaller") != "stretch":
            factor = (min if policy == "not_larger" else max)(factors)
            factors, counts = [factor] * len(shape), [floor(factor * n + 0.5) for n in shape]
    elif scales is not None and scales.type.size:
        factors = known(scales, "scales").reshape(-1).tolist()
        counts = [_multiplied(n, f) for n, f in zip(shape, factors, strict=True)]
    else:
        raise UnsupportedError("neither scales nor sizes are given")
    crops = [0.0] * len(shape) + [1.0] * len(shape)
    if roi is not None and roi.type.size:
        crops = known(roi, "a region").reshape(-1).tolist()
    ends = zip(crops[: len(shape)], crops[len(shape) :], strict=True)
    rows = zip(over, shape, counts, factors, ends, strict=True)
    return {a: _Dimension(n, c, f, start, end) for a, n, c, f, (start, end) in rows}


def _multiplied(size: int, factor: float) -> int:
    return size * int(factor) if factor == int(factor) else floor(size * factor)


def _placed(dim: _Dimension, transformation: str) -> Placed:
    places = dim.places(transformation)
    return Placed(dim.size, dim.count, np.float32(1 / dim.scale), at=tuple(places.tolist()))


_ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
    "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
}


def _rounded(places: Array, mode: str, size: int) -> Array:
    if mode not in _ROUNDINGS:
        raise UnsupportedError(f"rounding by {mode}")
    table: Array = np.clip(_ROUNDINGS[mode](places).astype(np.int64), 0, size - 1)
    return table


def _nearest(b: OnnxBuilder, x: Value, tables: dict[int, Array]) -> Value:
    if x.rank in (3, 4, 5) and min(tables, default=0) >= 2:
        return interpolation.pick(b, x, [tables.get(at, np.arange(x.shape[at])) for at in range(2, x.rank)])
    return interpolation.pick_along(b, x, tables)


def _linear(
    b: OnnxBuilder, x: Value, placed: dict[int, Placed], dims: dict[int, _Dimension], transformation: str
) -> Value:
    """By kernels where these put the results in the same places, else by matrices."""
    aligned = transformation == "align_corners"
    plain = aligned or (transformation in ("half_pixel", "pytorch_half_pixel"))
    if not plain or x.rank not in (3, 4, 5) or min(placed, default=0) < 2 or any(d.count == 1 for d in placed.values()):
        return _by_matrices(b, x, placed, interpolation.linear_matrix)
    spatial = []
    for at in range(2, x.rank):
        if at not in placed:
            spatial.append(interpolation.axis(x.shape[at], x.shape[at], None, aligned))
            continue
        dim = dims[at]
        spatial.append(interpolation.axis(dim.size, dim.count, None if aligned else dim.scale, aligned))
    return interpolation.resize_linear(b, x, spatial)


def _matrices(mode: str, a: float, antialias: bool, exclude: bool) -> interpolation.MatrixOf:
    if mode not in ("linear", "cubic"):
        raise UnsupportedError(f"mode {mode}")
    if not antialias:
        return partial(interpolation.cubic_matrix, a=a, exclude=exclude)
    if mode == "linear":
        return partial(interpolation.widened_matrix, filter=interpolation.triangle, support=1, exclude=exclude)
    return partial(interpolation.widened_matrix, filter=partial(interpolation.cubic, a=a), support=2, exclude=exclude)


def _by_matrices(b: OnnxBuilder, x: Value, placed: dict[int, Placed], matrix: interpolation.MatrixOf) -> Value:
    matrices = {at: matrix(dim) for at, dim in placed.items()}
    if x.rank in (3, 4, 5) and min(placed, default=0) >= 2:
        return interpolation.by_matrices(b, x, [matrices.get(at, np.eye(x.shape[at])) for at in range(2, x.rank)])
    for at in sorted(matrices, key=lambda at: placed[at].count / placed[at].size):
        x = linear.along(b, x, at, matrices[at])
    return x


def _extrapolated(b: OnnxBuilder, y: Value, placed: dict[int, Placed], value: float) -> Value:
    """y with the value in the place of results that lie beyond x."""
    inside: Array = np.ones((1,) * y.rank, bool)
    for at, dim in placed.items():
        shape = [dim.count if i == at else 1 for i in range(y.rank)]
        inside = inside & ((dim.places >= 0) & (dim.places <= dim.size - 1)).reshape(shape)
    return y if inside.all() else formula.where(Term(b, b.const(inside)), Term(b, y), value).value


def _open(
    b: OnnxBuilder,
    x: Value,
    dims: dict[int, _Dimension],
    scales: Value | None,
    transformation: str,
    mode: str,
    nearest_mode: str,
) -> Value:
    """Sizes that are only known when the model runs: the spatial ones, in the ways that kernels know."""
    kept = all(at not in dims or dims[at].count == x.shape[at] for at in (0, 1))
    if not kept or transformation not in _OPEN:
        raise UnsupportedError(f"resizing {x.type} by {transformation}: leave the sizes fixed")
    aligned, given = transformation == "align_corners", scales is not None and scales.type.size
    spatial: list[Axis] = []
    for at in range(2, x.rank):
        dim = dims.get(at)
        count = x.shape[at] if dim is None else dim.count
        factor = dim.scale if dim is not None and given else None
        spatial.append(interpolation.axis(x.shape[at], count, factor, aligned))
    if mode == "nearest" and transformation == "asymmetric" and nearest_mode == "floor":
        return interpolation.resize_nearest(b, x, spatial, centred=False)
    if mode == "linear" and transformation != "asymmetric":
        return interpolation.resize_linear(b, x, spatial)
    if mode == "cubic" and transformation != "asymmetric":
        return interpolation.resize_cubic(b, x, spatial)
    raise UnsupportedError(f"mode {mode} with {transformation} and {nearest_mode} where sizes are open: fix them")


LOWERINGS: Table = {
    ("", "Resize"): resize,
    ("", "Upsample"): upsample,
}
