"""cut: a site by itself, as a graph of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.passes.choose.rule import AS_EMITTED, Rule, Site

# About what an operator and its tensors take in a file beside their data, measured over whole networks.
_OPERATOR_BYTES = 200


@dataclass(frozen=True)
class Cut:
    """A graph with one site, and nothing else that matters.

    Its inputs and outputs in float are negated on their way: LiteRT copies at a graph's border what is free inside it.
    """

    graph: Graph
    site: Site

    @classmethod
    def of(cls, site: Site) -> Self:
        """`site` taken out of its graph, as it stands there."""
        graph = Graph(signature="main")
        b = Builder(graph)
        inside = {id(v): _negated(b, b.input(v.type, f"x{i}")) for i, v in enumerate(site.inputs)}
        copies = tuple(_copy(b, op, inside) for op in site.ops)
        _close(b, copies[-1].outputs)
        return cls(graph, Site(copies))

    def write(self, rule: Rule, form: str) -> Self:
        """The same graph with the site in that form; this one is used up."""
        if form != AS_EMITTED:
            apply(rule, form, self.graph, self.site)
        return self

    @property
    def size(self) -> int:
        """Bytes in a file, about: constants, each once, and operators."""
        constants = {id(v): v.type.nbytes for v in self.graph.values() if v.is_const}
        return sum(constants.values()) + _OPERATOR_BYTES * len(self.graph.ops)

    @property
    def rank(self) -> int:
        """The most dimensions of any value."""
        return max(v.rank for v in self.graph.values())


def apply(rule: Rule, form: str, graph: Graph, site: Site) -> None:
    """Writes `site` in that form, and drops what it was made of."""
    results = rule.forms[form](Builder(graph, site.op), site)
    graph.replace(site.op, *([results] if isinstance(results, Value) else results))
    for op in reversed(site.ops[:-1]):
        if not any(v.uses or graph.is_output(v) for v in op.outputs):
            graph.erase(op)


def _copy(b: Builder, op: Op, known: dict[int, Value]) -> Op:
    """`op` once more, on what is `known` in place of its operands; constants too are values of their own, on the same
    numbers, so that nothing that is done to the copy is done to the graph."""
    for v in op.inputs:
        if v is not None and v.is_const:
            known.setdefault(id(v), Value(v.type, v.name, data=v.data, quantization=v.quantization))
    operands = [None if v is None else known[id(v)] for v in op.inputs]
    results = b.emit_many(op.operator, *operands, types=tuple(v.type for v in op.outputs))
    known.update(zip(map(id, op.outputs), results, strict=True))
    maker = results[0].producer
    assert maker is not None
    return maker


def _close(b: Builder, results: list[Value]) -> None:
    outputs = [_negated(b, v) for v in results]
    b.graph.outputs = outputs
    b.graph.output_names = [f"y{i}" for i in range(len(outputs))]


def _negated(b: Builder, value: Value) -> Value:
    return b.emit(ops.Neg(), value) if value.dtype.is_float else value
