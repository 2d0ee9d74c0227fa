"""ends: inputs and outputs that are the numbers in int8 themselves."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.errors import UsageError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType, TensorType
from liteport.passes.base import Pass
from liteport.passes.dead import DropDead


@dataclass(frozen=True)
class Ends:
    """The names of the inputs and outputs of a signature that are to be int8."""

    inputs: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StoreEnds(Pass):
    """f(x: float32) = dequantize(g(quantize(x)))   =>   f(x: int8) = g(x)

    What takes the floats of such an input as well has them from DEQUANTIZE. Raises UsageError for inputs and outputs
    that the quantised model has in floats only.
    """

    ends: Ends

    def run(self, graph: Graph) -> bool:
        for place, name in enumerate(graph.input_names):
            if name in self.ends.inputs:
                graph.inputs[place] = _stored_input(graph, graph.inputs[place], name)
        for place, name in enumerate(graph.output_names):
            if name in self.ends.outputs:
                graph.outputs[place] = _stored_output(graph.outputs[place], name)
        DropDead().run(graph)
        return bool(self.ends.inputs or self.ends.outputs)


def _stored_input(graph: Graph, value: Value, name: str) -> Value:
    quantize = next((op for op in value.users if isinstance(op.operator, ops.Quantize)), None)
    if quantize is None:
        raise UsageError(f"input {name} cannot be int8: {_listed(value.users)} takes it in float")
    stored = Value(TensorType(DType.INT8, value.shape), value.name, quantization=quantize.output.quantization)
    stored.extra = dict(value.extra)
    others = [op for op in value.users if op is not quantize]
    graph.replace_value(quantize.output, stored)
    graph.erase(quantize)
    if others:
        floats = Builder(graph, min(others, key=graph.ops.index)).emit(ops.Dequantize(), stored)
        graph.replace_value(value, floats)
    return stored


def _stored_output(value: Value, name: str) -> Value:
    maker = value.producer
    if maker is None or not isinstance(maker.operator, ops.Dequantize) or maker.input.dtype is not DType.INT8:
        raise UsageError(f"output {name} cannot be int8: {maker.name if maker else 'an input'} gives it in float")
    return maker.input


def _listed(users: list[Op]) -> str:
    return ", ".join(dict.fromkeys(op.name for op in users)) or "nothing"
