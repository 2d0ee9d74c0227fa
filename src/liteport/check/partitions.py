"""Which operators the delegate (XNNPACK) took, in which partitions, and which of its own operators each became."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from liteport.ir.graph import Graph, Op


@dataclass(frozen=True)
class Partition:
    """Operators that run as one: the delegate's, or built-in kernels between them, by their numbers in the graph."""

    delegated: bool
    operators: tuple[int, ...]


def partitions(graph: Graph, outside: Collection[int]) -> list[Partition]:
    """The partitions in the order in which they run, `outside` being the operators that the delegate did not take.

    As TensorFlow Lite forms them: whatever is ready and of the same side as the first that is ready goes together.
    """
    waiting = {id(value) for op in graph.ops for value in op.outputs}
    rest = list(range(len(graph.ops)))
    found: list[Partition] = []
    while rest:
        side: bool | None = None
        taken: list[int] = []
        for number in rest:
            op, theirs = graph.ops[number], number not in outside
            if side not in (None, theirs) or any(value is not None and id(value) in waiting for value in op.inputs):
                continue
            side = theirs
            taken.append(number)
            waiting.difference_update(id(value) for value in op.outputs)
        chosen = set(taken)
        rest = [number for number in rest if number not in chosen]
        found.append(Partition(bool(side), tuple(taken)))
    return found


# Operators of TFLite, and what they are called in XNNPACK where they run there.
NAMES: dict[str, tuple[str, ...]] = {
    "ABS": ("Abs",),
    "ADD": ("Add",),
    "AVERAGE_POOL_2D": ("Average Pooling", "Mean"),
    "BATCH_MATMUL": ("Batch Matrix Multiply", "Fully Connected", "Dynamic Fully Connected"),
    "CEIL": ("Ceiling",),
    "CONCATENATION": ("Copy",),
    "CONV_2D": ("Convolution", "Fully Connected"),
    "COS": ("Cosine",),
    "DEPTHWISE_CONV_2D": ("Convolution",),
    "DEPTH_TO_SPACE": ("Depth To Space",),
    "DEQUANTIZE": ("Convert",),
    "DIV": ("Divide",),
    "ELU": ("ELU",),
    "EXP": ("Exp",),
    "EXPAND_DIMS": ("Static Expand Dims", "Static Reshape", "Copy"),
    "FLOOR": ("Floor",),
    "FULLY_CONNECTED": ("Fully Connected", "Dynamic Fully Connected", "Batch Matrix Multiply"),
    "GELU": ("GELU", "ApproxGELU"),
    "HARD_SWISH": ("HardSwish",),
    "LEAKY_RELU": ("LeakyReLU",),
    "LOG": ("Log",),
    "LOGISTIC": ("Sigmoid",),
    "MAXIMUM": ("Maximum",),
    "MAX_POOL_2D": ("Max Pooling",),
    "MEAN": ("Mean", "Mean Squared"),
    "MINIMUM": ("Minimum",),
    "MUL": ("Multiply", "Square"),
    "NEG": ("Negate",),
    "PAD": ("Constant Pad",),
    "PRELU": ("PReLU", "LeakyReLU"),
    "QUANTIZE": ("Convert",),
    "REDUCE_MAX": ("Reduce Max", "Max"),
    "REDUCE_MIN": ("Reduce Min", "Min"),
    "RELU": ("Clamp",),
    "RELU6": ("Clamp",),
    "RELU_N1_TO_1": ("Clamp",),
    "RESHAPE": ("Static Reshape", "Copy"),
    "RESIZE_BILINEAR": ("Resize Bilinear",),
    "ROUND": ("Bankders Rounding", "Bankers Rounding"),
    "RSQRT": ("Reciprocal Square Root",),
    "SIN": ("Sine",),
    "SLICE": ("Slice", "Copy"),
    "SOFTMAX": ("Softmax",),
    "SPACE_TO_DEPTH": ("Space To Depth",),
    "SPLIT": ("Copy", "Slice"),
    "SQRT": ("Square Root",),
    "SQUARE": ("Square",),
    "SQUARED_DIFFERENCE": ("Squared Difference",),
    "STRIDED_SLICE": ("Slice",),
    "SUB": ("Subtract",),
    "SUM": ("Sum", "Sum Squared"),
    "TANH": ("TanH",),
    "TRANSPOSE": ("Transpose",),
    "TRANSPOSE_CONV": ("Deconvolution",),
}

# What an alignment costs: an operator that became nothing of its own, and an XNNPACK operator that nobody asked for.
_GONE, _EXTRA = 10, 12
# XNNPACK joins some to the operator after them: a padding to its convolution, a square to its mean.
_JOINED = 4
_FAR = 1 << 30
# Steps back in the table of an alignment, in operators and XNNPACK operators.
_LEFT_OUT, _PAIRED, _ALONE = (1, 0), (1, 1), (0, 1)
# How far the two lists may have run apart in between.
_SLACK = 64


def align(ops: Sequence[Op], kernels: Sequence[str]) -> list[list[int]]:
    """Which XNNPACK operators, by number, each operator of a partition became: none where it was joined to others.

    Both run in the same order, so that this is the cheapest alignment of the two lists. XNNPACK operators that
    nobody asked for, such as a quantisation in front of a product, go to the operator after them.
    """
    stems = [kernel.split(" (")[0] for kernel in kernels]
    steps = _cheapest(ops, stems)
    found: list[list[int]] = [[] for _ in ops]
    extra: list[int] = []
    for row, column in steps:
        if row is None:
            extra.append(column)
        else:
            found[row] = [*extra, column]
            extra = []
    last = next((row for row in reversed(found) if row), found[-1] if found else [])
    last.extend(extra)
    return found


def _cheapest(ops: Sequence[Op], stems: Sequence[str]) -> Iterator[tuple[int | None, int]]:
    """The XNNPACK operators in order, each with the number of its operator, or None."""
    reach = abs(len(ops) - len(stems)) + _SLACK
    costs = {column: column * _EXTRA for column in range(min(len(stems), reach) + 1)}
    moves = [dict.fromkeys(range(1, len(costs)), _ALONE)]
    for row, op in enumerate(ops, 1):
        columns = range(max(0, row - reach), min(len(stems), row + reach) + 1)
        costs, chosen = _row(op, costs, stems, columns)
        moves.append(chosen)
    return reversed(list(_traced(moves)))


def _row(
    op: Op, above: dict[int, int], stems: Sequence[str], columns: Sequence[int]
) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
    """One row of the alignment's table: the least cost by column, and the move that it came by."""
    names, gone = NAMES.get(op.name, ()), _JOINED if _joins(op) else _GONE
    costs: dict[int, int] = {}
    moves: dict[int, tuple[int, int]] = {}
    for column in columns:
        same = column > 0 and stems[column - 1] in names
        choices = [
            (above.get(column, _FAR) + gone, _LEFT_OUT),
            (above.get(column - 1, _FAR) if same else _FAR, _PAIRED),
            (costs.get(column - 1, _FAR) + _EXTRA, _ALONE),
        ]
        costs[column], moves[column] = min(choices)
    return costs, moves


def _traced(moves: Sequence[dict[int, tuple[int, int]]]) -> Iterator[tuple[int | None, int]]:
    """The way back through the table from its last corner."""
    row, column = len(moves) - 1, max(moves[-1], default=0)
    while row or column:
        up, left = moves[row][column]
        if left:
            yield (row - 1 if up else None), column - 1
        row, column = row - up, column - left


def _joins(op: Op) -> bool:
    """Whether XNNPACK may join it to the operator after it."""
    if op.name == "MUL":
        return op.operand(0) is op.operand(1)
    return op.name in ("PAD", "QUANTIZE", "DEQUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1")
