"""What an emitter is given beside its tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from liteport.errors import UnsupportedError
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops.base import Activation, Operator
from liteport.ir.types import DType

Tensor = Any
"""A symbolic tensor; a NumPy array for a constant of integers; a variable for a state."""

Emit = Callable[..., "Tensor | Sequence[Tensor] | None"]
"""Adds TensorFlow's operation for one of the IR: of a Context and its operands, None where one is left out."""

Table = Mapping[type[Operator], Emit]

Call = Callable[[str, Sequence[Tensor]], list[Tensor]]
"""Adds the operations of the graph of that name, on these tensors as its inputs."""

State = Callable[[str, Value], Any]
"""The variable of that name, which holds values of this type from one run to the next."""


@dataclass(frozen=True)
class Context:
    """The operation, the other graphs of its module, and what it keeps between runs."""

    op: Op
    module: Module
    call: Call
    state: State

    @property
    def operator(self) -> Any:
        """The operator, with its attributes."""
        return self.op.operator

    def body(self, name: str) -> Graph:
        """The graph of that name, for what its operations are."""
        return self.module.graph(name)

    def unsupported(self, why: str) -> UnsupportedError:
        """The error for a form that TensorFlow has no operation for."""
        place = f" at {self.op.source}" if str(self.op.source) else ""
        return UnsupportedError(f"{self.op.name}{place} {why}")

    def activated(self, x: Tensor) -> Tensor:
        """x through the activation that the operator applies to its result."""
        kind = self.operator.activation
        if kind not in _ACTIVATIONS:
            raise self.unsupported(f"applies {kind.value}, which TensorFlow has no function for")
        return _ACTIVATIONS[kind](x)


_ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    Activation.NONE: lambda x: x,
    Activation.RELU: tf.nn.relu,
    Activation.RELU6: tf.nn.relu6,
    Activation.RELU_N1_TO_1: lambda x: tf.clip_by_value(x, -1, 1),
    Activation.TANH: tf.tanh,
}

_RAW = {
    DType.BFLOAT16: "bfloat16",
    DType.INT4: "int8",
    DType.UINT4: "uint8",
    DType.INT2: "int8",
    DType.STRING: "string",
}


def type_of(dtype: DType) -> Any:
    """TensorFlow's type; int8 for the narrower ones, which it has no arithmetic for."""
    return tf.as_dtype(_RAW.get(dtype, dtype.numpy))
