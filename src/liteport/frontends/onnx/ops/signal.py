"""Fourier transforms, and determinants."""

from __future__ import annotations

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.ir.graph import Value
from liteport.lowering import basic, determinant, fourier


def dft(
    b: OnnxBuilder,
    x: Value,
    length: Value | None = None,
    at: Value | None = None,
    *,
    axis: int = 1,
    inverse: int = 0,
    onesided: int = 0,
) -> Value:
    """DFT(input, dft_length, axis=-2, inverse=0, onesided=0); before opset 20 the axis is an attribute, and 1."""
    along = _number(at, -2, "an axis") if b.opset >= 20 else axis
    size = x.shape[along % x.rank]
    usual = 2 * (size - 1) if inverse and onesided else size
    count = _number(length, usual, "a length")
    return fourier.transform(b, x, along % x.rank, count, inverse=bool(inverse), onesided=bool(onesided))


def stft(
    b: OnnxBuilder,
    x: Value,
    step: Value,
    window: Value | None = None,
    length: Value | None = None,
    *,
    onesided: int = 1,
) -> Value:
    """STFT(signal, frame_step, window, frame_length, onesided=1)"""
    usual = x.shape[1] if window is None else window.shape[0]
    count = _number(length, usual, "a length")
    signal = basic.unsqueeze(b, x, 2) if x.rank == 2 else x
    return fourier.short_time(b, signal, _number(step, 1, "a step"), window, count, onesided=bool(onesided))


def _number(value: Value | None, usual: int, what: str) -> int:
    return usual if value is None else int(known(value, what).reshape(-1)[0])


def det(b: OnnxBuilder, x: Value) -> Value:
    """Det(X)"""
    if not x.dtype.is_float:
        raise UnsupportedError("a determinant of integers")
    return determinant.determinant(b, x)


LOWERINGS: Table = {
    ("", "DFT"): dft,
    ("", "STFT"): stft,
    ("", "Det"): det,
}
