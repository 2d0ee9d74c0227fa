"""Rewrites a graph for the orders that were chosen."""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.lowering.basic import reshape, transpose
from liteport.passes.layout.cut import Choice
from liteport.passes.layout.orders import Order, compose, identity, invert, permuted, same_memory
from liteport.passes.layout.rules import Rule, rule_for


def rewrite(graph: Graph, choice: Choice) -> None:
    """Emits every operation again, its values stored as `choice` says, with transposes only where orders meet."""
    _Rewriter(graph, choice).run()


class _Rewriter:
    def __init__(self, graph: Graph, choice: Choice) -> None:
        self.graph = graph
        self.choice = choice
        self.builder = Builder(graph)
        self.stored: dict[Value, tuple[Value, Order]] = {}  # what stands for a value now, and in which order
        self.copies: dict[tuple[Value, Order], Value] = {}

    def run(self) -> None:
        old, self.graph.ops = self.graph.ops, []
        for op in old:
            for value in op.inputs:
                if value is not None:
                    value.uses.clear()
        for op in old:
            self.builder.source = op.source
            self.builder.prefix = op.output.name if op.outputs else op.name
            self.emit(op)
        self.graph.outputs = [self.fetch(v, identity(v.rank)) for v in self.graph.outputs]

    def emit(self, op: Op) -> None:
        rule = rule_for(op)
        if rule is None or not self.touches_moved(op):
            self.keep(op)
        else:
            self.move(op, rule)

    def touches_moved(self, op: Op) -> bool:
        """Whether the operation's values move, or it is a transpose, which is never emitted as such."""
        inputs = any(v in self.stored for v in op.inputs if v is not None)
        return inputs or any(v in self.choice.orders for v in op.outputs) or isinstance(op.operator, ops.Transpose)

    def keep(self, op: Op) -> None:
        """The operation as it was, on operands in the order that they had."""
        op.inputs = [self.fetch(v, identity(v.rank)) if v is not None else None for v in op.inputs]
        self.graph.insert(len(self.graph.ops), op)

    def move(self, op: Op, rule: Rule) -> None:
        order = self.choice.of(op.output)
        inputs: list[Value | None] = []
        taken = identity(op.output.rank)
        for index, value in enumerate(op.inputs):
            if value is None or not rule.carries(index):
                inputs.append(self.fetch(value, identity(value.rank)) if value is not None else None)
                continue
            wanted = self.wanted(op, rule, index, value, order)
            taken = wanted if rule.data is not None else taken
            inputs.append(self.fetch(value, wanted))
        for old, new in zip(op.outputs, rule.emit(self.builder, op, inputs, order, taken), strict=True):
            self.stored[old] = (new, self.choice.of(old))
            if new.producer is not None and new.producer.output is new:
                new.name = old.name
            new.quantization = new.quantization or old.quantization

    def wanted(self, op: Op, rule: Rule, index: int, value: Value, order: Order) -> Order:
        """The order in which to take an operand: as it is stored where that serves."""
        have = self.stored[value][1] if value in self.stored else identity(value.rank)
        if not value.is_const and rule.accepts(op, index, have, order):
            return have
        wanted = rule.operand(op, index, order)
        if wanted is None:
            raise ValueError(f"{op.name} cannot run in order {order}")
        return wanted

    def fetch(self, value: Value, order: Order) -> Value:
        """`value` stored in `order`: as it is, or by one transpose shared by all who ask for it."""
        now, have = self.stored.get(value, (value, identity(value.rank)))
        if have == order:
            return now
        key = (value, order)
        if key not in self.copies:
            self.copies[key] = self.transposed(now, value, have, order)
        return self.copies[key]

    def transposed(self, now: Value, value: Value, have: Order, order: Order) -> Value:
        if now.data is not None:
            return _transposed_constant(now, order)
        if same_memory(value.shape, have, order):
            return reshape(self.builder, now, permuted(value.shape, order))
        return transpose(self.builder, now, compose(invert(have), order))


def _transposed_constant(value: Value, order: Order) -> Value:
    new = constant(value.array.transpose(order), value.name, value.dtype, permuted(value.shape, order))
    new.quantization = value.quantization
    return new
