"""Module, Graph, Op and Value: the one graph type that everything becomes and everything leaves from.

A graph is in SSA form: every Value has one producer (an Op), or is a graph input or a constant.
Ops stand in execution order. Only the methods here change the links between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liteport.ir.ops.base import Operator
from liteport.ir.types import Array, DType, Quantization, Shape, Source, TensorType


class Value:
    """A tensor: its type, who makes it, who uses it, and its data where it is constant.

    `data` is a NumPy array of `type.shape` (raw bytes for types that NumPy lacks); it may be a
    view into a mapped checkpoint, of any strides: it is copied once, into the file.
    A constant whose numbers wait for sizes that are only known when the model runs holds Sizes, in an
    array of objects: the compute_sizes pass makes computations of those.
    `quantization` is that of a tensor of integers. A constant of float32 has one where its numbers came from such:
    it says on which grid they lie, until a pass makes integers of them again, or leaves them as they are.
    `variable` marks a state tensor that a kernel updates between invocations.
    """

    __slots__ = ("data", "extra", "index", "name", "producer", "quantization", "type", "uses", "variable")

    def __init__(
        self,
        type: TensorType,
        name: str = "",
        *,
        data: Array | None = None,
        quantization: Quantization | None = None,
        variable: bool = False,
    ) -> None:
        self.type = type
        self.name = name
        self.data = data
        self.quantization = quantization
        self.variable = variable
        self.producer: Op | None = None
        self.index = 0
        self.uses: list[tuple[Op, int]] = []
        self.extra: dict[str, Any] = {}

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def rank(self) -> int:
        return len(self.type.shape)

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def is_const(self) -> bool:
        return self.data is not None

    @property
    def has_sizes(self) -> bool:
        """Whether it is a constant of numbers that depend on Sizes."""
        return self.data is not None and self.data.dtype == object

    @property
    def array(self) -> Array:
        """The constant's data. Raises ValueError where the value is not constant."""
        if self.data is None:
            raise ValueError(f"{self.name or 'value'} is not a constant")
        return self.data

    @property
    def users(self) -> list[Op]:
        """The operators that use this value, each once, in order of first use."""
        return list(dict.fromkeys(op for op, _ in self.uses))

    def __repr__(self) -> str:
        return f"<Value {self.name} {self.type}{' const' if self.is_const else ''}>"


@dataclass(eq=False)
class Op:
    """One operation of a graph. `version` is the file's own where a reader found one, else None.

    `source` says where in the user's code it came from.
    """

    operator: Operator
    inputs: list[Value | None]
    outputs: list[Value]
    source: Source = field(default_factory=Source)
    version: int | None = None
    intermediates: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The operator's TFLite name, such as CONV_2D."""
        return self.operator.name

    @property
    def input(self) -> Value:
        """The first input."""
        return self.operand(0)

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    @property
    def references(self) -> list[str]:
        """The names of the graphs that it runs: what its attributes ..._subgraph and ..._subgraphs say."""
        named = [(key, value) for key, value in vars(self.operator).items() if value]
        return [
            name
            for key, value in named
            if key.endswith(("_subgraph", "_subgraphs"))
            for name in ([value] if isinstance(value, str) else value)
        ]

    def operand(self, index: int) -> Value:
        """Input number `index`. Raises ValueError where it is left out."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise ValueError(f"{self.name} has no input {index}")
        return value

    def optional(self, index: int) -> Value | None:
        """Input number `index`, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def __repr__(self) -> str:
        return f"<Op {self.name} {', '.join(v.name for v in self.outputs)}>"


@dataclass(eq=False)
class Graph:
    """A list of operations from inputs to outputs.

    With a `signature` it is an entry point that users call by that name, with `input_names` and
    `output_names`; without one it is a body that control-flow operators refer to by `name`.
    """

    name: str = "main"
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    signature: str | None = None
    input_names: list[str] = field(default_factory=list)
    output_names: list[str] = field(default_factory=list)

    def values(self) -> Iterator[Value]:
        """Every value once: inputs, then operands and results in order, then outputs."""
        seen: set[int] = set()
        for value in self._mentions():
            if id(value) not in seen:
                seen.add(id(value))
                yield value

    def _mentions(self) -> Iterator[Value]:
        yield from self.inputs
        for op in self.ops:
            yield from (v for v in op.inputs if v is not None)
            yield from op.outputs
            yield from op.intermediates
        yield from self.outputs

    def find(self, *operators: type[Operator]) -> list[Op]:
        """The operations of these operator classes, in order."""
        return [op for op in self.ops if isinstance(op.operator, operators)]

    def is_output(self, value: Value) -> bool:
        return any(value is out for out in self.outputs)

    def sole_user(self, value: Value) -> Op | None:
        """The one operation that uses `value`, or None where there are several or it is an output."""
        users = value.users
        return users[0] if len(users) == 1 and not self.is_output(value) else None

    def sole_maker(self, value: Value, user: Op) -> Op | None:
        """The operation that makes `value` for `user` alone."""
        return value.producer if self.sole_user(value) is user else None

    def set_input(self, op: Op, index: int, value: Value | None) -> None:
        """Make input `index` of `op` be `value`."""
        old = op.inputs[index]
        if old is not None:
            old.uses.remove((op, index))
        op.inputs[index] = value
        if value is not None:
            value.uses.append((op, index))

    def replace_value(self, old: Value, new: Value, *, only: Iterable[Op] | None = None) -> None:
        """Let every user of `old`, and the graph's outputs, use `new` (or just the operations in `only`)."""
        chosen = None if only is None else {id(op) for op in only}
        for op, index in list(old.uses):
            if chosen is None or id(op) in chosen:
                self.set_input(op, index, new)
        if chosen is None:
            self.outputs = [new if out is old else out for out in self.outputs]

    def replace(self, op: Op, *values: Value) -> None:
        """Put `values` in the place of the results of `op`, and erase it."""
        for old, new in zip(op.outputs, values, strict=True):
            if new.producer is not None and not new.is_const and old.name:
                new.name = old.name
                new.quantization = new.quantization or old.quantization
            self.replace_value(old, new)
        self.erase(op)

    def erase(self, op: Op) -> None:
        """Take `op` out; its results must have no users left."""
        for index in range(len(op.inputs)):
            self.set_input(op, index, None)
        self.ops.remove(op)

    def insert(self, position: int, op: Op) -> None:
        """Link `op` in at `position` of the list of operations."""
        for index, value in enumerate(op.inputs):
            if value is not None:
                value.uses.append((op, index))
        for index, value in enumerate(op.outputs):
            value.producer, value.index = op, index
        self.ops.insert(position, op)

    def sort(self) -> None:
        """Put the operations into execution order again, keeping the present order where it is one."""
        done: set[int] = set()
        order: list[Op] = []
        for start in self.ops:
            stack = [start]
            while stack:
                op = stack[-1]
                waiting = [p for p in _producers(op) if id(p) not in done]
                if waiting:
                    stack.extend(waiting)
                    continue
                stack.pop()
                if id(op) not in done:
                    done.add(id(op))
                    order.append(op)
        self.ops = order


def _producers(op: Op) -> Iterator[Op]:
    for value in op.inputs:
        if value is not None and value.producer is not None:
            yield value.producer


@dataclass(eq=False)
class Module:
    """Graphs that travel in one file and share constants.

    The first graph is the file's primary subgraph. `metadata` maps names to bytes.
    """

    graphs: list[Graph] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    description: str = ""

    def graph(self, name: str) -> Graph:
        """The graph called `name`. Raises KeyError."""
        for graph in self.graphs:
            if graph.name == name:
                return graph
        raise KeyError(name)

    @property
    def signatures(self) -> list[Graph]:
        """The entry points, in the file's order."""
        return [g for g in self.graphs if g.signature is not None]


def constant(array: Array, name: str = "", dtype: DType | None = None, shape: Sequence[int] | None = None) -> Value:
    """A constant value on `array`; raw bytes need `shape` and `dtype`, an array of Sizes is INT32 by default."""
    array = np.asarray(array)  # arithmetic on 0-d arrays gives NumPy scalars, whose bytes have no lasting place
    kind = dtype or (DType.INT32 if array.dtype == object else DType.of(array))
    return Value(TensorType(kind, tuple(array.shape if shape is None else shape)), name, data=array)
