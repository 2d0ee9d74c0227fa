"""Convolutions, transposed ones among them."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, one_of
from liteport.ir.graph import Value
from liteport.ir.sizes import larger
from liteport.lowering import convolution
from liteport.lowering.convolution import Steps, Window

Ints = Sequence[int]
Pads = tuple[tuple[int, int], ...]


def conv(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    bias: Value | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """Conv(X, W, B, auto_pad="NOTSET", dilations, group=1, kernel_shape, pads, strides)"""
    _check_bias(bias, x, w.shape[0])
    return convolution.conv(b, x, w, bias, steps_of(x, w, auto_pad, dilations, pads, strides), group)


def steps_of(
    x: Value, w: Value, auto_pad: str, dilations: Ints | None, pads: Ints | None, strides: Ints | None
) -> Steps:
    """How a kernel moves over x[N,C,*space], by the attributes of Conv."""
    space = w.rank - 2
    stride, dilation = spread(strides, space), spread(dilations, space)
    return Steps(stride, dilation, spatial_pads(auto_pad, pads, x.shape[2:], w.shape[2:], stride, dilation))


def conv_transpose(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    bias: Value | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    output_padding: Ints | None = None,
    output_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """ConvTranspose(X, W, B, auto_pad, dilations, group, kernel_shape, output_padding, output_shape, pads, strides)"""
    _check_bias(bias, x, w.shape[1] * group)
    space = w.rank - 2
    stride, dilation = spread(strides, space), spread(dilations, space)
    extra = spread(output_padding, space, 0)
    dims = zip(x.shape[2:], w.shape[2:], stride, dilation, extra, strict=True)
    full = [s * (n - 1) + e + (k - 1) * d + 1 for n, k, s, d, e in dims]
    around = spread(pads, 2 * space, 0)
    before, after = around[:space], around[space:]
    same = auto_pad_of(auto_pad)
    if output_shape is not None or same in ("SAME_UPPER", "SAME_LOWER"):
        sizes = x.shape[2:]
        wanted = list(output_shape or [n * s for n, s in zip(sizes, stride, strict=True)])[-space:]
        total = [larger(f - n, 0) for f, n in zip(full, wanted, strict=True)]
        small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        before, after = (small, large) if same == "SAME_UPPER" else (large, small)
        size = tuple(wanted)
    else:
        size = tuple(f - p - q for f, p, q in zip(full, before, after, strict=True))
    return convolution.conv_transpose(b, x, w, bias, Window(before, size, stride, dilation), group)


def spread(given: Ints | None, space: int, default: int = 1) -> tuple[int, ...]:
    """One number for each spatial dimension. Raises UnsupportedError where there are others."""
    numbers = (default,) * space if given is None else tuple(given)
    if len(numbers) != space:
        raise UnsupportedError(f"{len(numbers)} numbers {list(numbers)} where {space} are due")
    return numbers


def _check_bias(bias: Value | None, x: Value, channels: int) -> None:
    """Raises InputError for a bias that is not one number of x's type for each channel."""
    if bias is not None and (bias.dtype is not x.dtype or bias.type.size != channels):
        raise InputError(f"a bias {bias.type} for {channels} channels of {x.dtype.name.lower()}")


def auto_pad_of(given: str) -> str:
    """The rule by that name; "" is NOTSET, as ONNX Runtime has it. Raises UnsupportedError."""
    return one_of(given or "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def spatial_pads(auto_pad: str, pads: Ints | None, sizes: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Pads:
    """(before, after) of each spatial dimension."""
    space, auto_pad = len(kernel), auto_pad_of(auto_pad)
    if auto_pad == "VALID":
        return ((0, 0),) * space
    if auto_pad == "NOTSET":
        around = spread(pads, 2 * space, 0)
        return tuple(zip(around[:space], around[space:], strict=True))
    totals = [
        larger((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    halves = [(t // 2, t - t // 2) for t in totals]
    return tuple(halves if auto_pad == "SAME_UPPER" else [(q, p) for p, q in halves])


LOWERINGS: Table = {
    ("", "Conv"): conv,
    ("", "ConvTranspose"): conv_transpose,
}
