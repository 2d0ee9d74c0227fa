"""Sampling at computed places: GridSample and AffineGrid."""

from __future__ import annotations

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.ir.graph import Value
from liteport.lowering import sampling

_MODES = {"bilinear": "linear", "bicubic": "cubic"}  # before opset 20


def grid_sample(
    b: OnnxBuilder,
    x: Value,
    grid: Value,
    *,
    align_corners: int = 0,
    mode: str = "linear",
    padding_mode: str = "zeros",
) -> Value:
    """GridSample(X, grid, align_corners=0, mode="linear", padding_mode="zeros")"""
    kind = _MODES.get(mode, mode)
    if kind not in ("linear", "nearest", "cubic") or padding_mode not in ("zeros", "border", "reflection"):
        raise UnsupportedError(f"mode {mode} with padding {padding_mode}")
    return sampling.sample(b, x, grid, kind, padding_mode, bool(align_corners))


def affine_grid(b: OnnxBuilder, theta: Value, size: Value, *, align_corners: int = 0) -> Value:
    """AffineGrid(theta, size, align_corners=0)"""
    return sampling.affine_grid(b, theta, known(size, "sizes").reshape(-1).tolist()[2:], bool(align_corners))


LOWERINGS: Table = {
    ("", "GridSample"): grid_sample,
    ("", "AffineGrid"): affine_grid,
}
