"""A module for each signature."""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.signatures import by_signature
from liteport.ir.types import DType, TensorType

SCALAR = TensorType(DType.FLOAT32, ())


def negating(name: str) -> Graph:
    graph = Graph(name)
    b = Builder(graph)
    graph.outputs, graph.output_names = [b.emit(ops.Neg(), b.input(SCALAR, "x"))], ["y"]
    return graph


def choosing(name: str, then: str, otherwise: str, signature: str | None = None) -> Graph:
    graph = Graph(name, signature=signature)
    b = Builder(graph)
    c, x = b.input(TensorType(DType.BOOL, ()), "c"), b.input(SCALAR, "x")
    operator = ops.If(then_subgraph=then, else_subgraph=otherwise)
    graph.outputs = list(b.emit_many(operator, c, x, types=(SCALAR,)))
    graph.output_names = ["y"]
    return graph


def test_branches_of_a_case() -> None:
    graph = Graph("main", signature="main")
    b = Builder(graph)
    index, x = b.input(TensorType(DType.INT32, ()), "i"), b.input(SCALAR, "x")
    operator = ops.StablehloCase(branch_subgraphs=("ten", "twenty"))
    graph.outputs, graph.output_names = list(b.emit_many(operator, index, x, types=(SCALAR,))), ["y"]
    (module,) = by_signature(Module([graph, negating("ten"), negating("twenty"), negating("thirty")])).values()
    assert [each.name for each in module.graphs] == ["main", "ten", "twenty"]


def test_takes_along_what_control_flow_needs() -> None:
    bodies = [negating("ten"), negating("twenty"), negating("thirty"), choosing("inner", "twenty", "thirty")]
    module = Module([choosing("p", "ten", "inner", "p"), choosing("q", "ten", "ten", "q"), *bodies], {"n": b"1"}, "d")
    parts = by_signature(module)
    names = {signature: {graph.name for graph in part.graphs} for signature, part in parts.items()}
    assert names == {"p": {"p", "ten", "inner", "twenty", "thirty"}, "q": {"q", "ten"}}
    assert all((part.metadata, part.description) == ({"n": b"1"}, "d") for part in parts.values())
