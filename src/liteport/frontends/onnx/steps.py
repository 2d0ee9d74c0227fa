"""What of a model is quantised: how far the numbers of its outputs lie apart."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto

from liteport.frontends.onnx.source import OnnxFile

# Operators that quantise what they take while the model runs: DynamicQuantizeLinear, and those that have one in them.
_WHILE_RUNNING = "DynamicQuantize"
_NOT_KNOWN = 0.0  # as in check.NO_STEP

# Words in the names of operators on quantised numbers: QLinearConv, MatMulIntegerToFloat, DynamicQuantizeLSTM ...
_WORDS = ("Linear", "Integer", "Quantize", "QAttention", "QGemm")

Makers = Mapping[str, NodeProto]


def is_quantised(file: OnnxFile) -> bool:
    """Whether any node computes with quantised numbers."""
    return any(word in node.op_type for node in file.proto.graph.node for word in _WORDS)


def steps(file: OnnxFile) -> dict[str, float]:
    """How far the numbers of quantised outputs lie apart, by name: the scale of a DequantizeLinear behind a
    QuantizeLinear, and 0 where they hang on numbers that are quantised while the model runs."""
    graph = file.proto.graph
    makers = {name: node for node in graph.node for name in node.output}
    scales = {t.name: t for t in graph.initializer}
    found = {}
    for name in (o.name for o in graph.output):
        node = makers.get(name)
        if node is not None and node.op_type == "DequantizeLinear" and node.input[1] in scales:
            first, scale = makers.get(node.input[0]), file.array(scales[node.input[1]])
            if first is not None and first.op_type == "QuantizeLinear" and scale.size == 1:
                found[name] = float(scale.reshape(()))
        elif _is_quantised_while_running(makers, name):
            found[name] = _NOT_KNOWN
    return found


def _is_quantised_while_running(makers: Makers, output: str) -> bool:
    """Whether any node on the way to an output is."""
    seen, waiting = {output}, [output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is None:
            continue
        if node.op_type.startswith(_WHILE_RUNNING):
            return True
        new = set(node.input) - seen
        seen |= new
        waiting += new
    return False
