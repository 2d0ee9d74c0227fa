"""Builder: the one way to add operations to a graph."""

from __future__ import annotations

from itertools import count
from typing import Self

import numpy as np
import numpy.typing as npt

from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Operator
from liteport.ir.types import DType, Source, TensorType


class Builder:
    """Emits operations at the end of a graph, or just before one of its operations.

    `source` is stamped on whatever is emitted, and `prefix` begins the names of new values: a
    frontend sets both as it walks its own graph. `bodies` are the graphs that control flow in this one,
    and in them in turn, refers to by name; whoever makes the module adds them to it.
    """

    def __init__(self, graph: Graph, before: Op | None = None) -> None:
        self.graph = graph
        self.bodies: list[Graph] = []
        self.source = before.source if before else Source()
        self.prefix = before.outputs[0].name if before and before.outputs else ""
        self._position = graph.ops.index(before) if before else None

    def emit(self, operator: Operator, *inputs: Value | None, name: str = "") -> Value:
        """Add `operator` on `inputs` and return its one (or first) result.

        Raises InvalidGraphError where the operator's contract does not hold.
        """
        return self.emit_many(operator, *inputs, name=name)[0]

    def emit_many(
        self, operator: Operator, *inputs: Value | None, name: str = "", types: tuple[TensorType, ...] | None = None
    ) -> tuple[Value, ...]:
        """Add `operator` on `inputs` and return all its results.

        `types` gives the results' types where the operator cannot infer them (a custom operator).
        """
        types = operator.infer(*inputs) if types is None else types
        stem = name or self.prefix or operator.name.lower()
        outputs = [Value(t, stem if i == 0 else f"{stem}_{i}") for i, t in enumerate(types)]
        op = Op(operator, list(inputs), outputs, self.source)
        if self._position is None:
            self.graph.insert(len(self.graph.ops), op)
        else:
            self.graph.insert(self._position, op)
            self._position += 1
        return tuple(outputs)

    def const(self, value: npt.ArrayLike, dtype: DType | None = None, name: str = "") -> Value:
        """A constant. Python floats become float32, ints and lists of ints int32, unless `dtype` says."""
        array = np.asarray(value)
        if array.dtype == object:
            return constant(array, name, dtype)
        array = np.asarray(value, dtype=dtype.numpy if dtype else None)
        if dtype is None and not isinstance(value, np.ndarray | np.generic):
            narrow = {"f": np.float32, "i": np.int32}.get(array.dtype.kind)
            array = array.astype(narrow) if narrow else array
        return constant(array, name)

    def body(self, role: str) -> Self:
        """A builder of a new graph for control flow to refer to; its name is this graph's and its `role` in it."""
        taken = {graph.name for graph in self.bodies}
        names = (f"{self.graph.name}/{role}{n or ''}" for n in count())
        inner = type(self)(Graph(next(name for name in names if name not in taken)))
        inner.bodies, inner.source, inner.prefix = self.bodies, self.source, self.prefix
        self.bodies.append(inner.graph)
        return inner

    def input(self, type: TensorType, name: str) -> Value:
        """A new input of the graph."""
        value = Value(type, name)
        self.graph.inputs.append(value)
        self.graph.input_names.append(name)
        return value
