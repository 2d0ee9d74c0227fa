"""The constants of a module in TensorFlow: variables that can be trained on, or constants of a frozen graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from liteport.backends.tensorflow.context import Tensor, type_of
from liteport.backends.tflite.buffers import BufferPool
from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.types import Array, DType, Quantization

Order = Callable[[Any, Op, Any], Any]
"""Weights in TensorFlow's order: of `np` or `tf`, the operation, and the weights in LiteRT's."""


def _depthwise(xp: Any, op: Op, w: Any) -> Any:
    """[1,kh,kw,C*multiplier] as [kh,kw,C,multiplier]."""
    channels = op.input.shape[3]
    return xp.reshape(w, (*op.operand(1).shape[1:3], channels, -1))


def _slope(xp: Any, op: Op, w: Any) -> Any:
    """A slope for all images alike without the batch: the form that TensorFlow's converter knows PRELU by."""
    x, slope = op.input, op.operand(1)
    aligned = (1,) * (x.rank - slope.rank) + slope.shape
    return xp.reshape(w, aligned[1:]) if x.rank > 1 and aligned[0] == 1 else w


ORDERS: Mapping[tuple[type[Operator], int], Order] = {
    (ops.Conv2D, 1): lambda xp, op, w: xp.transpose(w, (1, 2, 3, 0)),
    (ops.TransposeConv, 1): lambda xp, op, w: xp.transpose(w, (1, 2, 0, 3)),
    (ops.DepthwiseConv2D, 1): _depthwise,
    (ops.Prelu, 1): _slope,
}
"""By operator and operand."""

LAYERS = (
    *(ops.Conv2D, ops.DepthwiseConv2D, ops.TransposeConv, ops.Conv3D, ops.Conv3DTranspose, ops.FullyConnected),
    *(ops.UnidirectionalSequenceLstm, ops.BidirectionalSequenceLstm, ops.UnidirectionalSequenceRnn),
    *(ops.BidirectionalSequenceRnn, ops.Lstm, ops.Rnn, ops.Svdf, ops.Prelu),
)
"""Operators whose constants are always something to train."""

ROLES: Mapping[tuple[type[Operator], int], str] = {
    (ops.Conv2D, 2): "bias",
    (ops.DepthwiseConv2D, 2): "bias",
    (ops.TransposeConv, 3): "bias",
    (ops.Conv3D, 2): "bias",
    (ops.Conv3DTranspose, 3): "bias",
    (ops.FullyConnected, 2): "bias",
    (ops.Add, 0): "bias",
    (ops.Add, 1): "bias",
}
"""What PyTorch calls a layer's constants, where it is not `weight`."""


class Weights(Protocol):
    """Where constants of real numbers go."""

    def get(self, name: str, array: Array) -> Tensor:
        """The tensor of these numbers, the same one where it was asked for before."""

    def state(self, name: str, value: Value) -> Any:
        """The variable that holds what `name` stands for from one run to the next, zeros at first."""


class Variables:
    """Each a variable, by name: what several operations or signatures share is one, and stays so in training."""

    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}
        self.states: dict[str, Any] = {}
        self._known = _Known()

    def get(self, name: str, array: Array) -> Tensor:
        return self._known.find(name, array, self._new)

    def _new(self, name: str, array: Array) -> Tensor:
        unique = _unique(name, self.by_name)
        self.by_name[unique] = tf.Variable(np.ascontiguousarray(array), name=node_name(unique))
        return self.by_name[unique]

    def state(self, name: str, value: Value) -> Any:
        if name not in self.states:
            with tf.init_scope():
                zeros = tf.zeros(value.shape, type_of(value.dtype))
                self.states[name] = tf.Variable(zeros, trainable=False, name=node_name(name))
        return self.states[name]


class Constants:
    """Each a constant of the graph that is being made."""

    def __init__(self) -> None:
        self._known = _Known()

    def get(self, name: str, array: Array) -> Tensor:
        return self._known.find(name, array, self._new)

    def _new(self, name: str, array: Array) -> Tensor:
        return tf.constant(np.ascontiguousarray(array), name=node_name(name))

    def state(self, name: str, value: Value) -> Any:
        raise UnsupportedError(
            f"{name or 'a tensor'} is kept from one run to the next, which a frozen graph cannot: "
            "write a SavedModel (a folder) instead"
        )


class _Known:
    """Constants over the same memory are one; so are those of one name and equal numbers, such as the same layer's in
    two signatures. Equal numbers under different names are not: they may be trained apart."""

    def __init__(self) -> None:
        self._pool = BufferPool()
        self._by_memory: dict[Any, Tensor] = {}
        self._by_name: dict[Any, Tensor] = {}
        self._held: list[Array] = []  # memory must not be used again while it is a key

    def find(self, name: str, array: Array, new: Callable[[str, Array], Tensor]) -> Tensor:
        memory = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if memory not in self._by_memory:
            content = (name, self._pool.add(array), array.shape, array.dtype.str)
            if content not in self._by_name:
                self._by_name[content] = new(name, array)
            self._by_memory[memory] = self._by_name[content]
            self._held.append(array)
        return self._by_memory[memory]


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    numbered = (name if not n else f"{name}_{n}" for n in range(len(taken) + 1))
    return next(each for each in numbered if each not in taken)


def is_weight(op: Op, array: Array) -> bool:
    """Whether a constant is something to train: real numbers along some dimension, all of them finite, and outside of
    layers not all alike, as initial states and masks are."""
    if array.ndim == 0 or not array.size or array.dtype.kind not in "fV" or not np.isfinite(array).all():
        return False
    return isinstance(op.operator, LAYERS) or bool((array != array.flat[0]).any())


def weight_name(op: Op, index: int, value: Value) -> str:
    """The name of a constant: its PyTorch parameter's where the layer is known, else its own."""
    role = ROLES.get((type(op.operator), index), "weight")
    if op.source.module:
        return f"{op.source.module}.{role}"
    return value.name or f"{op.output.name if op.outputs else op.name.lower()}.{role}"


def node_name(name: str) -> str:
    """`name` as one of a node in a graph: letters, digits and _.-/ only, and none of the marks first."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-/") else "_" for letter in name)
    return plain if plain[:1].isalnum() else f"x{plain}"


# Numbers


def numbers(value: Value) -> Array:
    """A constant's numbers: real ones where it is quantised. Raises UnsupportedError for what TensorFlow has no array
    for."""
    array = value.array
    if "sparsity" in value.extra or value.dtype in _UNREADABLE:
        what = "sparse" if "sparsity" in value.extra else f"of {value.dtype.name.lower()}"
        raise UnsupportedError(f"the constant {value.name or value.type} is {what}, which TensorFlow is not given")
    if value.dtype in _PACKED:
        array = unpacked(array, value.dtype).reshape(value.shape)
    elif value.dtype is DType.BFLOAT16:
        array = array.view(type_of(DType.BFLOAT16).as_numpy_dtype).reshape(value.shape)
    return real(array, value.quantization) if is_quantised(value) else array


_PACKED = {DType.INT4: 4, DType.UINT4: 4, DType.INT2: 2}
_UNREADABLE = {t for t in DType if t.is_raw and t not in _PACKED and t not in (DType.BFLOAT16,)}


def unpacked(array: Array, dtype: DType) -> Array:
    """Numbers of 4 or 2 bits, of which the lower ones stand first in a byte, as int8."""
    bits = _PACKED[dtype]
    fields = [(array >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
    plain = np.stack(fields, -1).reshape(-1).astype(np.int8)
    half = 1 << (bits - 1)
    return plain if dtype is DType.UINT4 else np.where(plain >= half, plain - 2 * half, plain).astype(np.int8)


def is_quantised(value: Value) -> bool:
    """Whether its integers stand for real numbers."""
    known = value.quantization is not None and bool(value.quantization.scale)
    return known and (value.dtype.is_int or value.dtype in _PACKED)


def real(array: Any, quantization: Quantization | None) -> Any:
    """What quantised integers stand for, as float32: of an array, or of a tensor that was cast already."""
    scale, zero = grid(quantization, len(array.shape))
    return ((array.astype(np.float32) - zero) * scale).astype(np.float32)


def grid(quantization: Quantization | None, rank: int) -> tuple[Array, Array]:
    """Scale and zero point, in shapes that broadcast over the tensor."""
    assert quantization is not None
    scale = np.asarray(quantization.scale, np.float32)
    zero = np.asarray(quantization.zero_point or (0,), np.float32)
    shape = [1] * rank
    if scale.size > 1:
        shape[quantization.axis] = -1
    return scale.reshape(shape), (zero.reshape(shape) if zero.size > 1 else zero.reshape([1] * rank))
