"""Operators on complex numbers, each of which is a pair of real ones along one more dimension, at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, like
from liteport.lowering import fourier

OnPairs = Callable[[Any], Body | None]
"""From an operation to what it does on pairs; None where that cannot be said."""


def split(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary parts."""
    return z[..., 0], z[..., 1]


def pair(re: Any, im: Any) -> Any:
    """Complex(real, imag), which are of one shape or broadcast."""
    tf = tensorflow()
    if re.shape != im.shape:
        shape = tf.broadcast_dynamic_shape(tf.shape(re), tf.shape(im))
        re, im = tf.broadcast_to(re, shape), tf.broadcast_to(im, shape)
    return tf.stack([re, im], -1)


def always(body: Body) -> OnPairs:
    return lambda operation: body


def of_parts(function: Callable[..., tuple[Any, Any]]) -> OnPairs:
    """The row of a function of both parts of each operand, that gives those of the result."""
    return always(lambda *operands: pair(*function(*(part for z in operands for part in split(z)))))


def each_part(operation: Any) -> Body:
    """What moves numbers or adds them up does so with the real parts, and with the imaginary ones."""
    tf = tensorflow()
    to = {tf.complex64.as_datatype_enum: tf.float32.as_datatype_enum}
    paired = [tensor.dtype.is_complex for tensor in operation.inputs]
    results = [tensor.dtype.is_complex for tensor in operation.outputs]

    def body(*tensors: Any) -> Any:
        halves = [split(z) if is_pair else (z, z) for z, is_pair in zip(tensors, paired, strict=True)]
        both = zip(*(like(operation, [half[part] for half in halves], to) for part in (0, 1)), strict=True)
        found = [pair(re, im) if is_pair else re for (re, im), is_pair in zip(both, results, strict=True)]
        return found if len(found) > 1 else found[0]

    return body


def constant(operation: Any) -> Body:
    """Const"""
    value = tensorflow().get_static_value(operation.outputs[0])
    return lambda: pair(value.real, value.imag)


def cast(operation: Any) -> Body:
    """Cast of complex numbers, of which the real part stays, or to such."""
    tf, (result,) = tensorflow(), operation.outputs
    if not operation.inputs[0].dtype.is_complex:
        return lambda x: pair(tf.cast(x, tf.float32), tf.zeros_like(x, tf.float32))
    return (lambda z: z) if result.dtype.is_complex else lambda z: tf.cast(z[..., 0], result.dtype)


def times(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """(a + bi)(c + di)"""
    return a * c - b * d, a * d + b * c


def over(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """(a + bi) / (c + di)"""
    length = c * c + d * d
    return (a * c + b * d) / length, (b * c - a * d) / length


def one_over(a: Any, b: Any) -> tuple[Any, Any]:
    length = a * a + b * b
    return a / length, -b / length


def exponential(a: Any, b: Any) -> tuple[Any, Any]:
    tf = tensorflow()
    return tf.exp(a) * tf.cos(b), tf.exp(a) * tf.sin(b)


def logarithm(a: Any, b: Any) -> tuple[Any, Any]:
    tf = tensorflow()
    return tf.math.log(a * a + b * b) / 2, tf.math.atan2(b, a)


def length(z: Any) -> Any:
    """ComplexAbs"""
    return tensorflow().norm(z, axis=-1)


def angle(z: Any) -> Any:
    re, im = split(z)
    return tensorflow().math.atan2(im, re)


def equal(x: Any, y: Any) -> Any:
    tf = tensorflow()
    (a, b), (c, d) = split(x), split(y)
    return tf.logical_and(tf.equal(a, c), tf.equal(b, d))


def conjugate_transpose(operation: Any) -> Body:
    """ConjugateTranspose(x, perm)"""
    turned = each_part(operation)
    tf = tensorflow()

    def body(z: Any, order: Any) -> Any:
        re, im = split(z)
        return pair(tf.transpose(re, order), -tf.transpose(im, order))

    return body if operation.outputs[0].dtype.is_complex else turned


def matrices(operation: Any) -> Body:
    """MatMul(a, b; transpose_a, transpose_b), BatchMatMul(x, y; adj_x, adj_y)"""
    tf = tensorflow()
    attributes = operation.node_def.attr
    flips = [name for name in ("transpose_a", "transpose_b", "adj_x", "adj_y") if attributes[name].b]
    left, right = (any(name.endswith(end) for name in flips) for end in (("a", "x"), ("b", "y")))
    adjoint = any(name.startswith("adj") for name in flips)

    def body(x: Any, y: Any) -> Any:
        (a, b), (c, d) = split(x), split(y)
        b, d = (-b if left and adjoint else b), (-d if right and adjoint else d)
        product = partial(tf.linalg.matmul, transpose_a=left, transpose_b=right)
        return pair(product(a, c) - product(b, d), product(a, d) + product(b, c))

    return body


def transform(rank: int, *, inverse: bool = False, real: bool = False) -> OnPairs:
    """The row of a Fourier transform along the last `rank` dimensions: FFT(input), RFFT(input, fft_length) ..."""
    tf = tensorflow

    def write(operation: Any) -> Body | None:
        shape = operation.inputs[0].shape.as_list()[-rank:]
        lengths = tf().get_static_value(operation.inputs[1]) if real else shape
        if None in shape or lengths is None:
            return None

        def body(x: Any, *_: Any) -> Any:
            z = x[..., None] if real and not inverse else x
            onesided = {rank - 1} if real else set()
            for axis in range(rank) if inverse else reversed(range(rank)):
                columns = fourier.matrix(
                    shape[axis], z.shape[-1], int(lengths[axis]), inverse=inverse, onesided=axis in onesided
                )
                z = _along(z, axis - rank, columns, 1 if inverse and axis in onesided else 2)
            return z[..., 0] if real and inverse else z

        return body

    return write


def _along(z: Any, axis: int, columns: Any, pair_size: int) -> Any:
    """z[.., n, .., pair] with the vectors along `axis` (before the pair, from the end) multiplied by a matrix."""
    tf = tensorflow()
    order = list(range(z.shape.rank))
    order.insert(len(order) - 2, order.pop(axis - 1))
    moved = tf.transpose(z, order)
    front = tf.shape(moved)[:-2]
    rows = tf.reshape(moved, [-1, columns.shape[1]])
    product = tf.linalg.matmul(rows, tf.constant(columns.T, tf.float32))
    found = tf.reshape(product, tf.concat([front, [len(columns) // pair_size, pair_size]], 0))
    return tf.transpose(found, [order.index(each) for each in range(len(order))])


_FOURIER: Mapping[str, OnPairs] = {
    name: transform(rank, inverse="I" in name, real="R" in name)
    for rank, end in ((1, ""), (2, "2D"), (3, "3D"))
    for name in (f"FFT{end}", f"IFFT{end}", f"RFFT{end}", f"IRFFT{end}")
}
_MOVED: Sequence[str] = (
    *("Add", "AddN", "AddV2", "BiasAdd", "Cumsum", "Mean", "Neg", "SegmentSum", "Sub", "Sum", "UnsortedSegmentSum"),
    *("BatchToSpaceND", "BroadcastTo", "Concat", "ConcatV2", "DepthToSpace", "DynamicStitch", "ExpandDims", "Fill"),
    *("Gather", "GatherNd", "GatherV2", "Identity", "MirrorPad", "Pack", "Pad", "PadV2", "Rank", "Reshape", "Reverse"),
    *("ReverseSequence", "ReverseV2", "Roll", "ScatterNd", "Select", "SelectV2", "Shape", "Size", "Slice", "Snapshot"),
    *("SpaceToBatchND", "SpaceToDepth", "Split", "SplitV", "Squeeze", "StopGradient", "StridedSlice"),
    *("TensorScatterAdd", "TensorScatterUpdate", "Tile", "Transpose", "Unpack", "ZerosLike"),
)

ON_PAIRS: Mapping[str, OnPairs] = {
    **dict.fromkeys(_MOVED, each_part),
    **_FOURIER,
    "Angle": always(angle),
    "BatchMatMul": matrices,
    "BatchMatMulV2": matrices,
    "Cast": cast,
    "Complex": always(pair),
    "ComplexAbs": always(length),
    "Conj": of_parts(lambda a, b: (a, -b)),
    "ConjugateTranspose": conjugate_transpose,
    "Const": constant,
    "Div": of_parts(over),
    "Equal": always(equal),
    "Exp": of_parts(exponential),
    "Imag": always(lambda z: z[..., 1]),
    "Inv": of_parts(one_over),
    "Log": of_parts(logarithm),
    "MatMul": matrices,
    "Mul": of_parts(times),
    "NotEqual": always(lambda x, y: tensorflow().logical_not(equal(x, y))),
    "OnesLike": of_parts(lambda a, b: (tensorflow().ones_like(a), tensorflow().zeros_like(b))),
    "Real": always(lambda z: z[..., 0]),
    "RealDiv": of_parts(over),
    "Reciprocal": of_parts(one_over),
    "Square": of_parts(lambda a, b: (a * a - b * b, 2 * a * b)),
}
"""By TensorFlow's names of the operators."""
