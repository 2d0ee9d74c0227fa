"""The choice of orders as a minimum cut.

Every value has one order now and, where a transpose can be moved past it, one alternative. The two
are labelled 0 and 1 so that neighbours with equal labels need no transpose between them: label 0
says "as on this side of the transposes", label 1 "as on the other". A disagreement between the
maker of a value and those who take it costs the bytes of the value, once, however many they are.
That is a minimum cut: nodes on the source's side have label 0, on the sink's side label 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import example
from liteport.passes.layout.orders import Order, identity, invert, same_memory
from liteport.passes.layout.rules import Rule, rule_for

Pair = tuple[Order, Order]

# Operators that demand channels last: the transposes beside them are where alternatives start.
CHANNELS_LAST = (
    ops.Conv2D,
    ops.DepthwiseConv2D,
    ops.TransposeConv,
    ops.Conv3D,
    ops.Conv3DTranspose,
    ops.MaxPool2D,
    ops.AveragePool2D,
    ops.L2Pool2D,
    ops.ResizeBilinear,
    ops.ResizeNearestNeighbor,
    ops.DepthToSpace,
    ops.SpaceToDepth,
)


@dataclass
class Choice:
    """The order of every value that is not stored as it is now."""

    orders: dict[Value, Order] = field(default_factory=dict)

    def of(self, value: Value) -> Order:
        return self.orders.get(value) or identity(value.rank)


def choose(graph: Graph, seeds: Iterable[Op]) -> Choice:
    """The cheapest orders for the values of `graph`, with alternatives that start at the transposes `seeds`."""
    rules = {op: rule for op in graph.ops if (rule := rule_for(op))}
    pairs = _spread(seeds, rules)
    if not pairs:
        return Choice()
    labels, gain = _Network(graph, pairs, rules).solve()
    if gain <= 0:
        return Choice()
    picked = {v: pair[labels[v]] for v, pair in pairs.items()}
    return Choice({v: order for v, order in picked.items() if order != identity(v.rank)})


def seeds_of(graph: Graph) -> list[Op]:
    """The transposes of `graph`, those beside operators that demand channels last first."""
    transposes = [op for op in graph.find(ops.Transpose) if op.inputs[1] is not None and op.operand(1).is_const]
    return sorted(transposes, key=lambda op: not _beside_channels_last(op))


def _beside_channels_last(op: Op) -> bool:
    maker = op.input.producer
    around = [u.operator for u in op.output.users] + ([maker.operator] if maker else [])
    return any(isinstance(o, CHANNELS_LAST) for o in around)


# Which two orders each value may have


def _spread(seeds: Iterable[Op], rules: dict[Op, Rule]) -> dict[Value, Pair]:
    """Gives the values at each seed two orders, and carries them on through every operator that can run in both."""
    pairs: dict[Value, Pair] = {}
    for seed in seeds:
        perm = tuple(int(i) for i in seed.operand(1).array.reshape(-1))
        if seed not in rules or seed.input.is_const or seed.input in pairs or seed.output in pairs:
            continue
        pairs[seed.input] = (identity(len(perm)), perm)
        pairs[seed.output] = (invert(perm), identity(len(perm)))
        queue = deque([seed.input, seed.output])
        while queue:
            queue.extend(_carry_on(queue.popleft(), pairs, rules))
    return pairs


def _carry_on(value: Value, pairs: dict[Value, Pair], rules: dict[Op, Rule]) -> Iterator[Value]:
    """Gives pairs to the neighbours of `value` that have none yet, and yields them."""
    for op in ([value.producer] if value.producer else []) + value.users:
        rule = rules.get(op)
        if rule is None:
            continue
        result = pairs.get(op.output) or _result_pair(op, rule, value, pairs[value])
        if result is None:
            continue
        for other, pair in _op_pairs(op, rule, result):
            if other not in pairs and not other.is_const and identity(other.rank) in pair and pair[0] != pair[1]:
                pairs[other] = pair
                yield other


def _result_pair(op: Op, rule: Rule, value: Value, pair: Pair) -> Pair | None:
    for index, operand in enumerate(op.inputs):
        if operand is value and rule.carries(index):
            orders = [rule.result(op, index, order) for order in pair]
            return (orders[0], orders[1]) if orders[0] is not None and orders[1] is not None else None
    return None


def _op_pairs(op: Op, rule: Rule, result: Pair) -> Iterator[tuple[Value, Pair]]:
    """What an operation's results and operands would be stored as under either label."""
    for out in op.outputs:
        yield out, result
    for index, operand in enumerate(op.inputs):
        if operand is None or not rule.carries(index):
            continue
        zero, one = (rule.operand(op, index, order) for order in result)
        if zero is not None and one is not None:
            yield operand, (zero, one)


# What an operation asks of its operands under either label


Demand = tuple[set[int], set[int]]


def _is_free(op: Op, rule: Rule, pairs: dict[Value, Pair]) -> bool:
    """Whether the operation can run under both labels, with demands that a cut can express."""
    result = pairs.get(op.output)
    if result is None or any(pairs.get(v) != result for v in op.outputs):
        return False
    carried = [i for i, v in enumerate(op.inputs) if v is not None and rule.carries(i)]
    if any(rule.operand(op, i, order) is None for i in carried for order in result):
        return False
    return all(
        (zero != {1} or one == {1}) and (one != {0} or zero == {0}) for _, (zero, one) in _demands(op, rule, pairs)
    )


def _demands(op: Op, rule: Rule, pairs: dict[Value, Pair]) -> Iterator[tuple[Value, Demand]]:
    """For each operand: which of its labels serve the operation in label 0, and in label 1."""
    for index, operand in enumerate(op.inputs):
        if operand is None or operand.is_const or not rule.carries(index):
            continue
        have = pairs.get(operand, (identity(operand.rank),) * 2)
        zero, one = ({s for s in (0, 1) if rule.accepts(op, index, have[s], order)} for order in pairs[op.output])
        yield operand, (zero, one)


# The network


class _Network:
    """Nodes: source (0), sink (1), one per operation with a choice, two helpers per value."""

    def __init__(self, graph: Graph, pairs: dict[Value, Pair], rules: dict[Op, Rule]) -> None:
        self.graph = graph
        self.pairs = pairs
        self.rules = rules
        self.free = {op for op, rule in rules.items() if _is_free(op, rule, pairs)}
        self.node_of: dict[object, int] = {}
        self.edges: dict[tuple[int, int], int] = {}
        self.never = 2**29
        self.unit = max(1, sum(example(v.type.nbytes) for v in pairs) // 2**28)
        for value in pairs:
            self._add_value(value)
        for op in self.free:
            self._add_impossible(op)

    def _node(self, key: object) -> int:
        return self.node_of.setdefault(key, len(self.node_of) + 2)

    def _edge(self, start: int, end: int, capacity: int) -> None:
        """Costs `capacity` where `start` has label 0 and `end` label 1."""
        if start != end:
            self.edges[start, end] = min(self.edges.get((start, end), 0) + capacity, self.never)

    def _cost(self, value: Value) -> int:
        """Bytes moved by a transpose of `value`, and a little for the operation as such."""
        pair = self.pairs.get(value)
        moves = pair is None or not same_memory(value.shape, *pair)
        return (example(value.type.nbytes) // self.unit if moves else 0) + 1

    def _label_node(self, value: Value) -> int:
        """The node whose label is the value's: its operation's, or the source or sink where it has no choice."""
        op = value.producer
        return self._node(op) if op in self.free else self._now(value)

    def _now(self, value: Value) -> int:
        return 0 if self.pairs[value][0] == identity(value.rank) else 1

    def _add_value(self, value: Value) -> None:
        maker, cost = self._label_node(value), self._cost(value)
        some_one, some_zero = self._node((value, "some user wants 1")), self._node((value, "some user wants 0"))
        self._edge(maker, some_one, cost)
        self._edge(some_zero, maker, cost)
        for user in value.users:
            for node, (zero, one) in self._wishes(value, user):
                if one == {1}:
                    self._edge(some_one, 1 if zero == {1} else node, self.never)
                if zero == {0}:
                    self._edge(0 if one == {0} else node, some_zero, self.never)
        if self.graph.is_output(value):
            self._edge(*((some_one, 1) if self._now(value) else (0, some_zero)), self.never)

    def _wishes(self, value: Value, user: Op) -> Iterator[tuple[int, Demand]]:
        """The user's node, and the labels of `value` that serve it in label 0 and in label 1."""
        rule = self.rules.get(user)
        if rule is not None and user in self.free:
            yield from ((self._node(user), d) for operand, d in _demands(user, rule, self.pairs) if operand is value)
        for index, operand in enumerate(user.inputs):
            if operand is value and not (user in self.free and rule and rule.carries(index)):
                serves = self._serves_now(value, user, index, rule)
                yield 0, (serves, serves)

    def _serves_now(self, value: Value, user: Op, index: int, rule: Rule | None) -> set[int]:
        """The labels of `value` that serve an operand of an operation whose result stays as it is."""
        if rule is None or not rule.carries(index):
            return {self._now(value)}
        now = identity(user.output.rank)
        return {s for s in (0, 1) if rule.accepts(user, index, self.pairs[value][s], now)}

    def _add_impossible(self, op: Op) -> None:
        """An operand that must be transposed under one of the labels, whatever its own."""
        for operand, (zero, one) in _demands(op, self.rules[op], self.pairs):
            if not zero:
                self._edge(self._node(op), 1, self._cost(operand))
            if not one:
                self._edge(0, self._node(op), self._cost(operand))

    def solve(self) -> tuple[dict[Value, int], int]:
        """The label of every value with a choice, and how much less they cost than the present ones."""
        capacities = self._capacities(self.edges)
        found = maximum_flow(capacities, 0, 1)
        residual = capacities - found.flow
        residual.data = np.maximum(residual.data, 0)
        residual.eliminate_zeros()
        reached = set(breadth_first_order(residual, 0, return_predecessors=False).tolist())
        labels = {v: 0 if self._label_node(v) in reached else 1 for v in self.pairs}
        return labels, self._present_cost() - int(found.flow_value)

    def _present_cost(self) -> int:
        """The cut with every operation held to the order that it has now."""
        held = dict(self.edges)
        for op in self.free:
            node = self._node(op)
            held[(node, 1) if self._now(op.output) else (0, node)] = self.never
        return int(maximum_flow(self._capacities(held), 0, 1).flow_value)

    def _capacities(self, edges: dict[tuple[int, int], int]) -> csr_array:
        size = len(self.node_of) + 2
        rows, cols = (np.asarray(x, np.int32) for x in zip(*edges, strict=True))
        return csr_array((np.asarray(list(edges.values()), np.int32), (rows, cols)), shape=(size, size))
