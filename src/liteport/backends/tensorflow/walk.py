"""The walk over a module: TensorFlow's operations for each of the IR's, once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Tensor, type_of
from liteport.backends.tensorflow.ops import EMITTERS
from liteport.backends.tensorflow.weights import (
    ORDERS,
    Weights,
    grid,
    is_quantised,
    is_weight,
    node_name,
    numbers,
    weight_name,
)
from liteport.errors import UnsupportedError
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops import Opaque

Scope = dict[Value, Tensor]


class Walk:
    """Writes the graphs of `module` into whatever graph or function TensorFlow is making.

    The constants are made at once, in the graph that is the default now, or as variables. Raises UnsupportedError for
    all operators at once that TensorFlow has no operation for.
    """

    def __init__(self, module: Module, weights: Weights) -> None:
        self.module = module
        self.weights = weights
        self._check()
        self._constants = {
            (op, index): self._constant(op, index, value)
            for graph in module.graphs
            for op in graph.ops
            for index, value in enumerate(op.inputs)
            if value is not None and value.is_const
        }

    def _check(self) -> None:
        missing = [op for graph in self.module.graphs for op in graph.ops if type(op.operator) not in EMITTERS]
        if not missing:
            return
        counts = Counter(_label(op) for op in missing)
        listed = "; ".join(f"{name} ({count}x)" if count > 1 else name for name, count in counts.items())
        raise UnsupportedError(f"TensorFlow has no operation for {listed}")

    def write(self, graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The graph's outputs for these inputs."""
        scope: Scope = dict(zip(graph.inputs, inputs, strict=True))
        for op in graph.ops:
            with tf.name_scope(_scope(op)):
                results = self._emit(op, scope)
            scope.update(zip(op.outputs, results, strict=True))
        return [self._output(value, scope) for value in graph.outputs]

    def _emit(self, op: Op, scope: Scope) -> list[Tensor]:
        context = Context(op, self.module, self._call, self.weights.state)
        try:
            operands = [self._operand(op, index, value, scope) for index, value in enumerate(op.inputs)]
            found = EMITTERS[type(op.operator)](context, *operands)
            results = list(found) if isinstance(found, list | tuple) else [found][: len(op.outputs)]
            return [self._result(value, tensor) for value, tensor in zip(op.outputs, results, strict=True)]
        except (ValueError, TypeError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise context.unsupported(f"is refused by TensorFlow: {reason}") from error

    def _call(self, name: str, inputs: Sequence[Tensor]) -> list[Tensor]:
        return self.write(self.module.graph(name), inputs)

    def _operand(self, op: Op, index: int, value: Value | None, scope: Scope) -> Tensor | None:
        """An operand as an emitter takes it: in TensorFlow's order, and real numbers where it is quantised."""
        if value is None:
            return None
        if value.variable:
            return self.weights.state(value.name, value)
        if value.is_const:
            return self._constants[op, index]
        order = ORDERS.get((type(op.operator), index))
        tensor = scope[value]
        if is_quantised(value):
            scale, zero = grid(value.quantization, value.rank)
            tensor = (tf.cast(tensor, tf.float32) - zero) * scale
        return order(tf, op, tensor) if order else tensor

    def _constant(self, op: Op, index: int, value: Value) -> Tensor:
        """A weight where it is one, else an array."""
        array = numbers(value)
        if order := ORDERS.get((type(op.operator), index)):
            array = order(np, op, array)
        return self.weights.get(weight_name(op, index, value), array) if is_weight(op, array) else array

    def _result(self, value: Value, tensor: Tensor) -> Tensor:
        """A result as the graph has it: integers where it is quantised."""
        if not is_quantised(value):
            return tensor
        scale, zero = grid(value.quantization, value.rank)
        kind = type_of(value.dtype)
        return tf.saturate_cast(tf.round(tensor / scale) + zero, kind)

    def _output(self, value: Value, scope: Scope) -> Tensor:
        return tf.constant(value.array) if value.is_const else scope[value]


def _scope(op: Op) -> str:
    """Where its nodes stand, by the layer that they come from: with a slash at the end, in the scope that is there."""
    return node_name(op.source.module or (op.output.name if op.outputs else op.name)) + "/"


def _label(op: Op) -> str:
    code = op.operator.custom_code if isinstance(op.operator, Opaque) else ""
    place = f" at {op.source}" if str(op.source) else ""
    return f"{op.name}{f' {code}' if code else ''}{place}"
