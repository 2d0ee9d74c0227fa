"""Emission: the words that emitters write with, and the Keras tensors that stand for the graph's values so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops import Activation, Operator
from liteport.ir.sizes import Size
from liteport.ir.types import Array, DType, Shape, TensorType

Emit = Callable[..., Any]
"""emit(emission, operator, *inputs) gives the Keras tensor of an operation's result, or a sequence of them where it has
several; the inputs are the graph's values."""

Emitters = Mapping[type[Operator], Emit]

# Keras's names of what a kernel applies to its result.
ACTIVATIONS = {
    Activation.RELU: "relu",
    Activation.RELU6: "relu6",
    Activation.RELU_N1_TO_1: "hard_tanh",
    Activation.TANH: "tanh",
}
# Said to every layer that has a say in it: a setting of the user's is its default.
CHANNELS_LAST: dict[str, Any] = {"data_format": "channels_last"}
# So many numbers of an emitter's own are written out in the model's configuration, which is text.
_WRITTEN_OUT = 1024
# Keras names its scopes in TensorFlow after its layers: these begin with a letter or a number.
_NOT_IN_NAMES = re.compile(r"^[^A-Za-z0-9.]+|[^A-Za-z0-9_.]")


class Emission:
    """The functional model of one graph, as it grows.

    Layers with weights are called after the module of the source that they come from, everything else after that and
    what it does. Names are the same for the same graph. A layer that is applied twice with the same weights is one.
    """

    def __init__(self, graph: Graph) -> None:
        self.op: Op | None = None
        self._names: set[str] = set()
        self.inputs = [
            keras.Input(batch_shape=open_shape(value.shape), dtype=dtype_name(value.dtype), name=self._unique(name))
            for value, name in zip(graph.inputs, graph.input_names, strict=True)
        ]
        # An output that is called like an input is another layer all the same.
        self._output_names = {name: self._unique(name) for name in graph.output_names}
        self._known = list(zip(graph.inputs, self.inputs, strict=True))
        self._tensors = {id(value): tensor for value, tensor in self._known}
        self._layers: dict[Any, Any] = {}
        self._one: Any = None

    @property
    def result(self) -> TensorType:
        """The type of the present operation's first result."""
        assert self.op is not None
        return self.op.output.type

    def emit(self, op: Op, emit: Emit) -> None:
        """Writes one operation down."""
        self.op = op
        if any(_is_quantised(value) for value in [*op.inputs, *op.outputs]):
            raise self.refuse("works on quantised numbers")
        if any(0 in value.shape for value in op.outputs):
            raise self.refuse("makes a tensor without elements")
        results = emit(self, op.operator, *op.inputs)
        for value, tensor in zip(op.outputs, results if isinstance(results, list | tuple) else [results], strict=True):
            self._tensors[id(value)] = self.cast(tensor, value.dtype)
            self._known.append((value, self._tensors[id(value)]))

    def output(self, value: Value, name: str) -> Any:
        """The value as the output of that name, which is a layer's."""
        tensor = self.symbolic(value)
        return keras.layers.Identity(name=self._output_names[name], dtype=_float_of(tensor))(tensor)

    def tensor(self, value: Value) -> Any:
        """The Keras tensor of a value; a constant is an array, of one number or of integers, or else a weight."""
        if id(value) not in self._tensors and value.is_const:
            self._tensors[id(value)] = self._constant(value)
        return self._tensors[id(value)]

    def symbolic(self, value: Value) -> Any:
        """The Keras tensor of a value, for layers and outputs, which take no arrays."""
        tensor = self.tensor(value)
        return tensor if isinstance(tensor, keras.KerasTensor) else self.weight(np.asarray(tensor), value.name)

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a function of keras.ops; the node that it leaves in the model gets a name that lasts."""
        result = function(*args, **kwargs)
        first = result[0] if isinstance(result, list | tuple) else result
        if isinstance(first, keras.KerasTensor):
            operation = first._keras_history.operation
            operation.name = self._name(function.__name__)
        return result

    def layer(self, kind: Any, x: Any, *weights: Array, of: Sequence[Value] = (), **config: Any) -> Any:
        """`x` through a layer (see `made`)."""
        return self.made(kind, x, *weights, of=of, **config)(x)

    def made(self, kind: Any, x: Any, *weights: Array, of: Sequence[Value] = (), **config: Any) -> Any:
        """A layer of class `kind` for `x`, with these weights, in the layer's own order and shapes.

        `of` are the constants that the weights were made from: with the same ones, a layer is used again.
        """
        key = (kind, repr(sorted(config.items())), tuple(map(id, of))) if of else object()
        if key not in self._layers:
            name = self._name("" if weights else kind.__name__.lower())
            layer = kind(name=name, **{"dtype": _float_of(x), **config})
            if weights:
                layer.build(x.shape)
                layer.set_weights(weights)
            self._layers[key] = layer
        return self._layers[key]

    def weight(self, array: Array, name: str = "", trainable: bool = True) -> Any:
        """An array as the weight of a layer: the kernel of a Dense that is applied to the number 1.

        Integers are made of float32, which must hold them.
        """
        if not array.size:
            raise self.refuse("has a constant without elements")
        kernel = array.astype(np.float32).reshape(1, -1)
        if array.dtype.kind in "iu" and not np.array_equal(kernel.astype(array.dtype).reshape(array.shape), array):
            raise self.refuse("has whole numbers of more than 24 bits where Keras wants a tensor")
        layer = keras.layers.Dense(
            kernel.size,
            use_bias=False,
            trainable=trainable,
            dtype="float32",
            name=self._unique(name) if name else self._name("constant"),
        )
        layer.build((1, 1))
        layer.set_weights([kernel])
        return self.cast(self.reshape(layer(self.one), array.shape), DType.of(array))

    def fixed(self, array: Array) -> Any:
        """An array of an emitter's own: in the model's configuration, or where it is large a frozen weight."""
        return array if array.size <= _WRITTEN_OUT else self.weight(array, trainable=False)

    @property
    def one(self) -> Any:
        """The number 1 as a tensor of the model, [1, 1]: layers of weights alone hang on it."""
        if self._one is None:
            filled = next((x for x in self.inputs if 0 not in x.shape), None)
            if filled is None:
                raise self.refuse("has weights, and no input with elements that they could hang on")
            flat = self.run(keras.ops.reshape, filled, (-1,))
            first = self.run(keras.ops.get_item, flat, (slice(0, 1),))
            self._one = self.run(keras.ops.reshape, self.run(keras.ops.ones_like, first, dtype="float32"), (1, 1))
        return self._one

    def cast(self, tensor: Any, dtype: DType) -> Any:
        """The tensor in that type: what keras.ops gives need not be the kernel's."""
        name = dtype_name(dtype)
        return (
            tensor if keras.backend.standardize_dtype(tensor.dtype) == name else self.run(keras.ops.cast, tensor, name)
        )

    def reshape(self, tensor: Any, shape: Shape, before: Shape = ()) -> Any:
        """The tensor in that shape; `before` is its own, where that has open sizes.

        A leading dimension that stays is left to the model, and may be of any size, as one other may.
        """
        target = open_shape(shape)
        own = tuple(before or tensor.shape)
        if own == tuple(shape) or (tuple(tensor.shape) == target and target.count(None) == 1):
            return tensor
        if len(own) and target and own[0] == shape[0] and target[1:].count(None) <= 1:
            inner = tuple(-1 if d is None else d for d in target[1:])
            return self.layer(keras.layers.Reshape, tensor, target_shape=inner)
        if target.count(None) > 1:
            raise self.refuse("makes a shape of several open sizes")
        return self.run(keras.ops.reshape, tensor, tuple(-1 if d is None else d for d in target))

    def broadcast(self, tensor: Any, shape: Shape, target: Shape) -> Any:
        """The tensor of `shape` repeated to `target`; an open size is taken from a value that has it."""
        whole = (1,) * (len(target) - len(shape)) + tuple(shape)
        fixed = tuple(own if d is None else d for own, d in zip(whole, open_shape(target), strict=True))
        result = tensor if fixed == tuple(shape) else self.run(keras.ops.broadcast_to, tensor, fixed)
        for axis, (own, d) in enumerate(zip(whole, target, strict=True)):
            if isinstance(d, Size) and own != d:
                zeros = self.reshape(self._zeros(d, result.dtype), (d, *[1] * (len(target) - axis - 1)))
                join = keras.ops.logical_or if result.dtype == "bool" else keras.ops.add
                result = self.run(join, result, zeros)
        return result

    def _zeros(self, size: Size, dtype: str) -> Any:
        """So many zeros: of the shape of a value that has this size."""
        for value, tensor in self._known:
            if any(d == size for d in value.shape):
                axis = next(i for i, d in enumerate(value.shape) if d == size)
                row = self.run(
                    keras.ops.get_item, tensor, tuple(slice(None) if i == axis else 0 for i in range(value.rank))
                )
                return self.run(keras.ops.zeros_like, row, dtype=dtype)
        raise self.refuse(f"makes a dimension of {size}")

    def activate(self, tensor: Any, activation: Activation) -> Any:
        """The activation that a kernel applies to its result."""
        if activation is Activation.NONE:
            return tensor
        return self.layer(keras.layers.Activation, tensor, activation=self.activation(activation))

    def activation(self, activation: Activation) -> str | None:
        """Keras's name of it, None for none. Raises UnsupportedError."""
        if activation not in (Activation.NONE, *ACTIVATIONS):
            raise self.refuse(f"ends in {activation.value}")
        return ACTIVATIONS.get(activation)

    def refuse(self, why: str) -> UnsupportedError:
        """The error for an operation that Keras's layers cannot say."""
        return UnsupportedError(f"{place(self.op)} {why}, which a .keras cannot hold: {REMEDY}")

    def _constant(self, value: Value) -> Any:
        if value.dtype.is_raw or value.has_sizes:
            raise self.refuse(f"reads {value.type}")
        array = np.ascontiguousarray(value.array).reshape(value.shape)
        if array.size <= 1 or array.dtype.kind != "f":
            return array
        return self.weight(array, value.name, trainable=not _is_mask(array))

    def _name(self, what: str) -> str:
        """A name for what the present operation needs: its module's, and `what` it is."""
        module = self.op.source.module if self.op else ""
        return self._unique(".".join(filter(None, (module, what))))

    def _unique(self, name: str) -> str:
        stem = clean_name(name) or "main"
        unique, number = stem, 0
        while unique in self._names:
            number += 1
            unique = f"{stem}_{number}"
        self._names.add(unique)
        return unique


REMEDY = "write a SavedModel (-o model/), which holds every graph"


def place(op: Op | None) -> str:
    """The operation, and where in the source it comes from."""
    return " ".join(filter(None, (op.name, f"({op.source})" if str(op.source) else ""))) if op else "the model"


def clean_name(name: str) -> str:
    """The name without what Keras and TensorFlow have other uses for."""
    return _NOT_IN_NAMES.sub(lambda found: "_" if found.start() else "", name)


def open_shape(shape: Shape) -> tuple[int | None, ...]:
    """The shape as Keras has it, None for each size that is only known when the model runs."""
    return tuple(None if isinstance(d, Size) else int(d) for d in shape)


def dtype_name(dtype: DType) -> str:
    """Keras's name of an element type. Raises UnsupportedError for those that NumPy lacks."""
    if dtype.is_raw:
        raise UnsupportedError(f"tensors of {dtype.name.lower()} cannot stand in a .keras: {REMEDY}")
    return dtype.numpy.name


def _is_mask(array: Array) -> bool:
    """Whether it has just two different numbers, as no trained weight has."""
    others = array[array != array.flat[0]]
    return others.size > 0 and bool((others == others[0]).all())


def _is_quantised(value: Value | None) -> bool:
    found = value is not None and not value.dtype.is_float and value.quantization
    return bool(found and found.scale)


def _float_of(x: Any) -> str:
    """The type that a layer on `x` computes in."""
    first = x[0] if isinstance(x, list) else x
    name: str = keras.backend.standardize_dtype(first.dtype)
    return name if name.startswith("float") else "float32"
