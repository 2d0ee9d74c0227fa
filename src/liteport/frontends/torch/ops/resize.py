"""PyTorch's upsample family, which F.interpolate comes down to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.ir.types import Array
from liteport.lowering import interpolation
from liteport.lowering.interpolation import Axis

aten = torch.ops.aten

Factors = Sequence[float | None]
Matrix = Callable[[Axis], Array]
Resize = Callable[[TorchBuilder, Value, Sequence[Axis]], Value]


def nearest(
    b: TorchBuilder, x: Value, output_size: Sequence[int] | None, *scales: Factors | float | None, centred: bool
) -> Value:
    """upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor

    upsample_nearest2d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor.
    `centred`: by the middle of a pixel (nearest-exact).
    """
    exact = (1, 2) if x.rank == 4 and not centred else ()
    return interpolation.resize_nearest(b, x, _axes(b, x, scales, exact), centred)


def smooth(resize: Resize, exact: Sequence[int] = ()) -> Lowering:
    """The lowering of upsample_bilinear2d, upsample_bicubic2d and all like them, which only the kernel tells apart."""

    def lowering(
        b: TorchBuilder,
        x: Value,
        output_size: Sequence[int] | None,
        align_corners: bool,
        *scales: Factors | float | None,
    ) -> Value:
        """upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None,
        float? scales_w=None) -> Tensor

        upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors)
        -> Tensor
        """
        _need_floats(x)
        return resize(b, x, _axes(b, x, scales, exact, align_corners))

    return lowering


linear, cubic = smooth(interpolation.resize_linear, (1,)), smooth(interpolation.resize_cubic)


def by_matrix(
    b: TorchBuilder,
    x: Value,
    output_size: Sequence[int] | None,
    align_corners: bool,
    *scales: Factors | float | None,
    matrix: Matrix,
    exact: Sequence[int] = (),
) -> Value:
    """_upsample_bicubic2d_aa(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None,
    float? scales_w=None) -> Tensor

    _upsample_bicubic2d_aa.vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors)
    -> Tensor. The other antialiased forms likewise.
    """
    _need_floats(x)
    return interpolation.by_matrices(b, x, [matrix(dim) for dim in _axes(b, x, scales, exact, align_corners)])


def _axes(
    b: TorchBuilder,
    x: Value,
    scales: Sequence[Factors | float | None],
    exact: Sequence[int],
    align_corners: bool = False,
) -> list[Axis]:
    """The spatial dimensions; the factors come one by one, or (.vec) as one list, and none may be given.

    Some kernels forget a factor where it gives `exact` multiples of the size.
    """
    factors: list[Any] = []
    for scale in scales:
        factors.extend(scale if isinstance(scale, Sequence) else [scale])
    sizes, counts = x.shape[2:], b.result.shape[2:]
    factors += [None] * (len(sizes) - len(factors))
    forget = [any(count == size * times for times in exact) for size, count in zip(sizes, counts, strict=True)]
    dims = zip(sizes, counts, factors, forget, strict=False)
    return [interpolation.axis(n, count, None if whole else f, align_corners) for n, count, f, whole in dims]


def _need_floats(x: Value) -> None:
    if not x.dtype.is_float:
        raise UnsupportedError(
            f"interpolation between {x.dtype.name.lower()} numbers: convert them with .float() first"
        )


def _antialiased(filter: interpolation.Filter, support: float) -> Callable[..., Value]:
    matrix = partial(interpolation.antialiased_matrix, filter=filter, support=support)
    return partial(by_matrix, matrix=matrix, exact=(1,))


_FORMS: dict[str, Callable[..., Value]] = {
    "upsample_nearest1d": partial(nearest, centred=False),
    "upsample_nearest2d": partial(nearest, centred=False),
    "upsample_nearest3d": partial(nearest, centred=False),
    "_upsample_nearest_exact1d": partial(nearest, centred=True),
    "_upsample_nearest_exact2d": partial(nearest, centred=True),
    "_upsample_nearest_exact3d": partial(nearest, centred=True),
    "upsample_linear1d": linear,
    "upsample_bilinear2d": linear,
    "upsample_trilinear3d": linear,
    "upsample_bicubic2d": cubic,
    "_upsample_bilinear2d_aa": _antialiased(interpolation.triangle, 1),
    "_upsample_bicubic2d_aa": _antialiased(interpolation.cubic, 2),
    "_upsample_lanczos2d_aa": _antialiased(interpolation.lanczos, 3),
}

LOWERINGS: Table = {
    getattr(getattr(aten, name), overload): lowering
    for name, lowering in _FORMS.items()
    if hasattr(aten, name)
    for overload in ("default", "vec")
}
