"""Branches, loops and scans: PyTorch's higher-order operators, whose bodies are graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import GraphModule

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import control

higher_order = torch.ops.higher_order

# A scan of no more operations than these together is written out step by step.
_TINY = 64


def cond(b: TorchBuilder, pred: Any, yes: GraphModule, no: GraphModule, operands: Sequence[Any]) -> tuple[Value, ...]:
    """cond(pred, true_fn, false_fn, operands)"""
    if not isinstance(pred, Value):
        return tuple(b.nested(yes if pred else no, operands))
    return tuple(control.branch(b, pred, lambda b: b.nested(yes, operands), lambda b: b.nested(no, operands)))


def while_loop(
    b: TorchBuilder, test: GraphModule, step: GraphModule, carried: Sequence[Value], additional: Sequence[Any]
) -> tuple[Value, ...]:
    """while_loop(cond_fn, body_fn, carried_inputs, additional_inputs)"""
    values = control.loop(
        b, lambda b, v: b.nested(test, [*v, *additional]), lambda b, v: b.nested(step, [*v, *additional]), carried
    )
    return tuple(values)


def scan(
    b: TorchBuilder, combine: GraphModule, init: Sequence[Value], xs: Sequence[Value], additional: Sequence[Any] = ()
) -> tuple[Value, ...]:
    """scan(combine_fn, init, xs, additional_inputs): combine(*state, *x) gives the next state, then the outputs."""
    count = len(init)

    def step(b: TorchBuilder, rows: Sequence[Value], state: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        results = b.nested(combine, [*state, *rows, *additional])
        return results[count:], results[:count]

    few = _TINY // max(len(combine.graph.nodes), 1)
    outputs, end = control.scan_rows(b, step, init, xs, few=few, outputs=b.results[count:])
    return (*end, *outputs)


def map_impl(b: TorchBuilder, f: GraphModule, xs: Sequence[Value], additional: Sequence[Any]) -> tuple[Value, ...]:
    """map_impl(f, xs, pos_args): f of every row."""
    return scan(b, f, [], xs, additional)


LOWERINGS: Table = {
    higher_order.cond: cond,
    higher_order.while_loop: while_loop,
    higher_order.scan: scan,
    higher_order.map_impl: map_impl,
}
