"""Resizing."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.ir.graph import Value
from liteport.lowering import interpolation


def resize(
    b: OnnxBuilder,
    x: Value,
    roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
    extrapolation_value: float = 0.0,
    exclude_outside: int = 0,
) -> Value:
    """Resize(X, roi, scales, sizes, coordinate_transformation_mode="half_pixel", mode="nearest", ...)"""
    counts, factors = _targets(x, scales, sizes)
    if counts[:2] != list(x.shape[:2]):
        raise UnsupportedError("resizing the batch or the channels")
    corners = coordinate_transformation_mode == "align_corners"
    dims = [interpolation.axis(n, c, f, corners) for n, c, f in zip(x.shape[2:], counts[2:], factors[2:], strict=True)]
    half = coordinate_transformation_mode in ("half_pixel", "pytorch_half_pixel") and 1 not in counts[2:]
    if mode == "nearest" and coordinate_transformation_mode == "asymmetric" and nearest_mode == "floor":
        return interpolation.resize_nearest(b, x, dims, centred=False)
    if mode == "linear" and (half or corners):
        return interpolation.resize_linear(b, x, dims)
    if mode == "cubic" and (half or corners) and cubic_coeff_a == -0.75 and not exclude_outside:
        return interpolation.resize_cubic(b, x, dims)
    raise UnsupportedError(f"mode {mode} with {coordinate_transformation_mode} and {nearest_mode}")


def _targets(x: Value, scales: Value | None, sizes: Value | None) -> tuple[list[int], list[float | None]]:
    """The size of the result along each dimension, and the factors, where these are what is given."""
    if sizes is not None and sizes.type.size:
        return known(sizes, "sizes").reshape(-1).tolist(), [None] * x.rank
    if scales is None or not scales.type.size:
        raise UnsupportedError("neither scales nor sizes are given")
    factors: Sequence[float] = known(scales, "scales").reshape(-1).tolist()
    return [floor(n * f) for n, f in zip(x.shape, factors, strict=True)], list(factors)


LOWERINGS: Table = {
    ("", "Resize"): resize,
}
