"""Which outputs of a .tflite hang on quantised numbers, and how far these lie apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from liteport.check import NO_STEP

_BUILTIN = schema.BuiltinOperator
_STORED = (schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16)
_MOVES = (_BUILTIN.RESHAPE, _BUILTIN.TRANSPOSE, _BUILTIN.SLICE, _BUILTIN.SQUEEZE, _BUILTIN.EXPAND_DIMS)


def step(model: Any, graph: Any, tensor: int) -> float | None:
    """How far the numbers of output `tensor` of a subgraph lie apart: 1 for quantised integers, the scale behind a
    DEQUANTIZE, NO_STEP where floats are computed from quantised numbers; None where they are not."""
    if _scale(graph, tensor) is not None:
        return 1.0
    makers = {graph.Operators(n).Outputs(i): graph.Operators(n) for n, i in _results(graph)}
    at: int = tensor
    while at in makers and _kind(model, makers[at]) in _MOVES:
        at = makers[at].Inputs(0)
    if at in makers and _kind(model, makers[at]) == _BUILTIN.DEQUANTIZE and makers[at].Inputs(0) in makers:
        found = _scale(graph, makers[at].Inputs(0))
        if found is not None:
            return found
    return NO_STEP if any(_scale(graph, t) is not None for t in _ancestors(makers, tensor)) else None


def _scale(graph: Any, tensor: int) -> float | None:
    """The one scale of a tensor of quantised integers."""
    found = graph.Tensors(tensor)
    quantization = found.Quantization()
    if found.Type() not in _STORED or quantization is None or quantization.ScaleLength() != 1:
        return None
    return float(quantization.Scale(0))


def _results(graph: Any) -> Iterator[tuple[int, int]]:
    """The operators' results, by the numbers of both."""
    for number in range(graph.OperatorsLength()):
        yield from ((number, i) for i in range(graph.Operators(number).OutputsLength()))


def _ancestors(makers: dict[int, Any], tensor: int) -> Iterator[int]:
    """The tensors that operators make on the way to one."""
    seen, waiting = {tensor}, [tensor]
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is None:
            continue
        for i in range(maker.InputsLength()):
            at = maker.Inputs(i)
            if at in makers and at not in seen:
                seen.add(at)
                waiting.append(at)
                yield at


def _kind(model: Any, operator: Any) -> int:
    code = model.OperatorCodes(operator.OpcodeIndex())
    return max(int(code.BuiltinCode()), int(code.DeprecatedBuiltinCode()))
