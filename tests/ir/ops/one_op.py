"""Models of one operator: built from a table's row, written, and run in LiteRT as users run it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import to_bytes
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.ops import Operator
from liteport.ir.types import DType, TensorType

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class T:
    """A run-time input of this shape: of the type under test, or of `dtype`. Its elements are 1, 2 and 3."""

    shape: tuple[int, ...] = ()
    dtype: DType | None = None
    high: int = 4
    low: int = 1


@dataclass(frozen=True)
class C:
    """A constant of the type under test."""

    data: Any


@dataclass(frozen=True)
class State:
    """A variable tensor of the type under test."""

    shape: tuple[int, ...]


@dataclass
class Case:
    """An operator and its operands: T, C, State, None, or a NumPy array (a constant of its own type).

    `types` are the types to try beside float32; None is all that the operator's class names.
    `results` gives the results' types where `infer` cannot.
    """

    operator: Operator
    operands: list[Any]
    id: str = ""
    types: list[DType] | None = None
    results: list[TensorType] | None = None
    bodies: list[Graph] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.id = self.id or self.operator.name

    @property
    def dtypes(self) -> list[DType]:
        """The types to run this case in, those that NumPy has."""
        names = self.operator.dtypes if self.types is None else set(self.types)
        return sorted((t for t in names if not t.is_raw), key=lambda t: t.name)


def build(case: Case, dtype: DType) -> Graph:
    """The case's graph, with a signature."""
    graph = Graph("main", signature=SIGNATURE)
    b = Builder(graph)
    b.prefix = "result"
    operands = [_operand(b, spec, dtype, i) for i, spec in enumerate(case.operands)]
    types = None if case.results is None else tuple(case.results)
    graph.outputs = list(b.emit_many(case.operator, *operands, types=types))
    graph.output_names = [f"out{i}" for i in range(len(graph.outputs))]
    return graph


def _operand(b: Builder, spec: Any, dtype: DType, index: int) -> Value | None:
    match spec:
        case None:
            return None
        case T():
            return b.input(TensorType(spec.dtype or dtype, spec.shape), f"x{index}")
        case C():
            return b.const(np.asarray(spec.data, dtype.numpy), name=f"c{index}")
        case State():
            return Value(TensorType(dtype, spec.shape), f"state{index}", variable=True)
    return b.const(np.asarray(spec), name=f"c{index}")


def inputs(case: Case, dtype: DType, seed: int = 0) -> dict[str, Any]:
    """Run-time inputs: the same numbers whatever the type."""
    rng = np.random.default_rng(seed)
    found = {}
    for index, spec in enumerate(case.operands):
        if isinstance(spec, T):
            numbers = rng.integers(spec.low, spec.high, spec.shape)
            kind = spec.dtype or dtype
            found[f"x{index}"] = np.asarray(numbers % 2 if kind is DType.BOOL else numbers).astype(kind.numpy)
    return found


def run(case: Case, dtype: DType) -> tuple[Graph, dict[str, Any]]:
    """The graph, and what LiteRT's default interpreter makes of it. Raises ValueError or RuntimeError."""
    graph = build(case, dtype)
    interpreter = Interpreter(model_content=to_bytes(Module([graph, *case.bodies])), num_threads=1)
    return graph, interpreter.get_signature_runner(SIGNATURE)(**inputs(case, dtype))
