"""Complex numbers in the middle of a model: pairs of real ones in the file, held to TensorFlow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import tensorflow as tf

import liteport
from liteport.errors import UnsupportedError

logging.getLogger("absl").setLevel(logging.ERROR)

raw = tf.raw_ops


class Case(NamedTuple):
    """`call` takes complex tensors of these shapes, and its result is taken apart."""

    id: str
    call: Callable[..., Any]
    shapes: tuple[tuple[int | None, ...], ...]


def fourier(name: str) -> Callable[[Any], Any]:
    return lambda z: getattr(raw, name)(input=z)


CASES = [
    Case("arithmetic", lambda x, y: x * y / (x + 2) - tf.square(y), ((3, 4), (4,))),
    Case("functions", lambda z: tf.exp(z) + tf.math.log(z) + tf.math.reciprocal(z), ((3, 4),)),
    Case("sums", lambda x, y: tf.add_n([x, tf.cumsum(y, 1)]) + tf.reduce_sum(x, 0), ((3, 4), (3, 4))),
    Case("moved", lambda z: tf.roll(tf.transpose(tf.concat([z, z[:1]], 0)), 1, 0)[::2], ((3, 4),)),
    Case("parts", lambda z: tf.unstack(tf.gather(z, [1, 0]))[0] * tf.ones_like(z[0]), ((3, 4),)),
    Case("padded", lambda z: tf.pad(z, [[1, 1], [0, 2]], constant_values=1 + 2j), ((3, 4),)),
    Case("matrices", lambda x, y: tf.linalg.matmul(x, y, adjoint_a=True), ((2, 3, 4), (2, 3, 5))),
    Case("transposed", lambda z: tf.linalg.adjoint(z) + tf.transpose(tf.math.conj(z)), ((3, 4),)),
    Case("angle", lambda z: tf.complex(tf.math.angle(z), tf.abs(z)), ((3, 4),)),
    Case("transform", fourier("FFT"), ((None, 6),)),
    Case("inverse of two", fourier("IFFT2D"), ((2, 6, 5),)),
    Case("of three", fourier("FFT3D"), ((2, 4, 6, 5),)),
]


def converted(call: Callable[..., Any], *specs: Any, **options: Any) -> list[str]:
    function = tf.function(call, autograph=False).get_concrete_function(*specs)
    model = liteport.convert(function, verify=2, **options)
    return [op.name for op in model.module.graphs[0].ops]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_converted(case: Case) -> None:
    def call(*parts: Any) -> Any:
        z = case.call(*(tf.complex(re, im) for re, im in zip(parts[::2], parts[1::2], strict=True)))
        return tf.math.real(z), tf.math.imag(z)

    specs = [tf.TensorSpec(shape) for shape in case.shapes for _ in range(2)]
    names = converted(call, *specs, dynamic="batch" if None in case.shapes[0] else None)
    assert not {"RFFT2D", "COMPLEX_ABS"} & set(names)


SIGNAL = [
    ("power of two", lambda x: tf.abs(tf.signal.stft(x, 32, 16)), True),
    ("any length", lambda x: tf.abs(tf.signal.stft(x, 30, 10, fft_length=30)), False),
    ("and back", lambda x: tf.signal.inverse_stft(tf.signal.stft(x, 32, 16), 32, 16), False),
    ("cosines", tf.signal.dct, False),
    ("in two dimensions", lambda x: tf.signal.irfft2d(tf.signal.rfft2d(tf.reshape(x, [-1, 8, 12]))), False),
]


@pytest.mark.parametrize(("call", "is_kernel"), [pytest.param(*case[1:], id=case[0]) for case in SIGNAL])
def test_signals(call: Callable[[Any], Any], is_kernel: bool) -> None:
    """Transforms of real numbers have a kernel for powers of two."""
    assert ("RFFT2D" in converted(call, tf.TensorSpec((2, 96)))) == is_kernel


@pytest.mark.parametrize(
    ("call", "dtype", "message"),
    [
        (lambda z: -z, tf.complex64, r"takes or gives complex numbers \(Placeholder .*tf.complex"),
        (lambda x: tf.abs(tf.linalg.inv(tf.complex(x, x))), tf.float32, r"not converted: MatrixInverse .*in real and"),
    ],
)
def test_refused(call: Callable[[Any], Any], dtype: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        converted(call, tf.TensorSpec((3, 3), dtype))
