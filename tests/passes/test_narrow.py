"""Indices that stay in int32."""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering.basic import cast, gather, scalar
from liteport.passes.dead import DropDead
from liteport.passes.narrow import NarrowIndices
from tests.passes.support import GraphCase, check, weights


def largest(b: Builder, x: Value, dtype: DType) -> Value:
    return cast(b, b.emit(ops.ArgMax(), x, scalar(b, 1, DType.INT32)), dtype)


def test_an_index_is_taken_as_it_is() -> None:
    case = GraphCase(
        "gather",
        lambda b, xs: gather(b, b.const(weights(5, 3)), cast(b, largest(b, xs[0], DType.INT32), DType.INT64), 0),
        [(4, 5)],
    )
    graph = check(case, NarrowIndices(), DropDead())
    assert [op.name for op in graph.ops] == ["ARG_MAX", "GATHER"]
    assert graph.ops[1].operand(1).dtype is DType.INT32


def test_a_position_is_made_as_it_is_wanted() -> None:
    graph = check(
        GraphCase("arg_max", lambda b, xs: largest(b, xs[0], DType.INT32), [(4, 5)], ["ARG_MAX"]),
        NarrowIndices(),
        DropDead(),
    )
    assert graph.outputs[0].dtype is DType.INT32


def test_a_position_with_other_users_stays() -> None:
    def both(b: Builder, xs: list[Value]) -> list[Value]:
        wide = b.emit(ops.ArgMax(), xs[0], scalar(b, 1, DType.INT32))
        return [wide, cast(b, wide, DType.INT32)]

    check(GraphCase("both", both, [(4, 5)], ["ARG_MAX", "CAST"]), NarrowIndices())
