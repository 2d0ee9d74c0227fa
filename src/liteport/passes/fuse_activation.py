"""fuse_activation: clamps become part of the kernel that feeds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation, Operator
from liteport.passes.base import Pass

FUSED: dict[type[Operator], Activation] = {
    ops.Relu: Activation.RELU,
    ops.Relu6: Activation.RELU6,
    ops.ReluN1To1: Activation.RELU_N1_TO_1,
}

# Kernels that have the attribute and yet ignore it, or leave XNNPACK for it.
_DEAF = (ops.Concatenation, ops.UnidirectionalSequenceLstm, ops.BidirectionalSequenceLstm, ops.L2Normalization)


@dataclass(frozen=True)
class FuseActivation(Pass):
    """relu(conv(x))   =>   conv(x, activation=RELU);    relu(transpose(conv(x)))   =>   transpose(conv(x, RELU))"""

    def run(self, graph: Graph) -> bool:
        changed = False
        for act in graph.find(*FUSED):
            source = _before_moves(graph, act.input)
            producer = source.producer
            if producer is None or (why := self.blocked(graph, source, producer)):
                self.decline(act, why if producer else "its input has no producer")
                continue
            fused: Any = producer.operator
            producer.operator = replace(fused, activation=FUSED[type(act.operator)])
            producer.version = None
            graph.replace(act, act.input)
            changed = True
        return changed

    def blocked(self, graph: Graph, value: Value, producer: Op) -> str:
        """Why the activation cannot move into `producer`; empty where it can."""
        present = getattr(producer.operator, "activation", None)
        if present is None or isinstance(producer.operator, _DEAF):
            return f"{producer.name} has no fused activation"
        if present is not Activation.NONE:
            return f"{producer.name} has an activation already"
        if not value.dtype.is_float or value.quantization is not None:
            return "only float kernels take an activation as it is"
        if graph.sole_user(value) is None:
            return f"its producer has {len(value.users) + graph.is_output(value)} users"
        return ""


def _before_moves(graph: Graph, value: Value) -> Value:
    """The value whose numbers, moved by transposes and reshapes and used for nothing else, `value` has."""
    while (
        (maker := value.producer) is not None
        and isinstance(maker.operator, ops.Transpose | ops.Reshape)
        and graph.sole_user(value) is not None
    ):
        value = maker.input
    return value
