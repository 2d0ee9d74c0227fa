"""hand_down: constants that loops and branches are handed are constants of their graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Op, constant
from liteport.passes.base import Pass


@dataclass(frozen=True)
class HandDown(Pass):
    """while(i, w), whose body gives w back as it was   =>   while(i), with w in the body
    if(c, x, w)   =>   if(c, x), with w in both branches

    `module` has the graphs. The weights of a recurrent layer, where they took some computing before they were constant:
    the kernels of the body's turn then see weights.
    """

    module: Module

    def run(self, graph: Graph) -> bool:
        changed = False
        uses = Counter(name for each in self.module.graphs for op in each.ops for name in op.references)
        for op in graph.find(ops.While, ops.If):
            if any(uses[name] > 1 for name in op.references):
                self.decline(op, "its graphs are others' too")
                continue
            first = int(isinstance(op.operator, ops.If))  # behind the condition
            graphs = [self.module.graph(name) for name in op.references]
            known = [i for i in range(first, len(op.inputs)) if _is_known(graph, op, graphs, i, i - first)]
            if known:
                _hand_down(graph, op, graphs, known, first)
                changed = True
        return changed


def _is_known(graph: Graph, op: Op, graphs: Sequence[Graph], index: int, place: int) -> bool:
    """Whether an operand is a constant, which the graphs take at `place`, and stays what it is."""
    value = op.operand(index)
    if not value.is_const or value.has_sizes or value.variable:
        return False
    inner = [each.inputs[place] for each in graphs]
    if any(v.type != value.type for v in inner):
        return False
    given = [sum(out is v for out in each.outputs) for each, v in zip(graphs, inner, strict=True)]
    if isinstance(op.operator, ops.If):
        return not any(given)
    result = op.outputs[place]
    return graphs[1].outputs[place] is inner[1] and given == [0, 1] and not result.uses and not graph.is_output(result)


def _hand_down(graph: Graph, op: Op, graphs: Sequence[Graph], known: Sequence[int], first: int) -> None:
    for each in graphs:
        for index in reversed(known):
            value = op.operand(index)
            inner = each.inputs.pop(index - first)
            if each.input_names:
                each.input_names.pop(index - first)
            same = constant(value.array, value.name, value.dtype, value.shape)
            same.quantization = value.quantization
            if isinstance(op.operator, ops.While) and each is graphs[1]:
                each.outputs.pop(index)
            each.replace_value(inner, same)
    kept = [value for i, value in enumerate(op.inputs) if i not in known]
    outputs = [v for i, v in enumerate(op.outputs) if first or i not in known]
    made = iter(Builder(graph, op).emit_many(op.operator, *kept, types=tuple(v.type for v in outputs)))
    graph.replace(op, *(next(made) if v in outputs else v for v in op.outputs))
