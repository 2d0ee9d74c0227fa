"""From torch.export's symbolic sizes to the IR's Sizes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node
from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

from liteport.errors import UnsupportedError
from liteport.ir.sizes import Space
from liteport.ir.types import Shape
from liteport.ir.witnesses import Assignment, Range

_FAR = 4000  # how far from 0 numbers without limits are tried

Names = Mapping[tuple[int, int], str]
"""What dimensions are called, by number of the input and axis."""


class Symbols:
    """The symbols of one exported program as those of a Space, and its sizes as Sizes.

    `example` are the inputs' shapes in the user's own example, in order: a symbol's number in the example comes from
    there. Symbols of inputs' dimensions that bear one name in `names` are one symbol.
    """

    def __init__(self, program: ExportedProgram, example: Sequence[Sequence[int]], names: Names) -> None:
        self._guards = _guards(program)
        self.space = Space(self._allows)
        self._ranges = program.range_constraints
        self._names: dict[sympy.Symbol, str] = {}
        self._examples: dict[sympy.Symbol, int] = {}
        self._known: dict[Any, int] = {}
        for (number, axis), expr in _dimensions(program):
            size = example[number][axis] if number < len(example) else None
            self._declare(expr, size, names.get((number, axis)), f"{program_inputs(program)[number].name}_{axis}")
        self.space.declare({name: self._given(symbol) for symbol, name in self._names.items()})
        self.inputs = {node.name: self.shape(node.meta["val"]) for node in program_inputs(program)}

    def know(self, facts: Mapping[sympy.Symbol, int]) -> None:
        """Takes these symbols for the numbers that they turned out to be."""
        self._known |= facts

    def _declare(self, expr: Any, size: int | None, name: str | None, default: str) -> None:
        """Names the one symbol of an input's dimension, which may be a multiple of it, and finds its number."""
        if len(expr.free_symbols) != 1:
            return
        (symbol,) = expr.free_symbols
        factor, rest = expr.coeff(symbol, 1), expr.subs(symbol, 0)
        if factor * symbol + rest != expr:
            return
        given = name or default
        if name is not None or symbol not in self._names:
            self._names[symbol] = given if (factor, rest) == (1, 0) else f"{given}_{factor}"
        if size is not None and (size - int(rest)) % int(factor) == 0:
            self._examples.setdefault(symbol, (size - int(rest)) // int(factor))

    def shape(self, tensor: torch.Tensor) -> Shape:
        """The tensor's shape, of ints and Sizes."""
        return tuple(self.number(d) for d in tensor.shape)

    def number(self, value: int | torch.SymInt) -> int:
        """The number, which may be a Size. Raises UnsupportedError for what integer arithmetic does not give."""
        return self._of(value.node.expr) if isinstance(value, torch.SymInt) else int(value)

    def _of(self, expr: Any) -> int:
        if expr not in self._known:
            self._known[expr] = self._translated(expr)
        return self._known[expr]

    def _translated(self, expr: Any) -> int:
        if expr.is_Integer:
            return int(expr)
        if expr.is_Symbol:
            return self._symbol(expr)
        kind = type(expr).__name__
        if kind in ("FloorToInt", "TruncToInt", "CeilToInt") and (ratio := _ratio(expr.args[0])) is not None:
            (factor, inner), sign = ratio, -1 if kind == "CeilToInt" else 1
            return sign * (sign * self._of(inner) * factor.numerator // factor.denominator)
        function = _FUNCTIONS.get(kind)
        if function is None:
            raise UnsupportedError(f"a size of {expr}: compute sizes with +, -, *, // and % only")
        return reduce(lambda a, b: self._apply(function, a, b), map(self._of, _operands(expr)))

    def _apply(self, function: str, left: int, right: int) -> int:
        return self.space.apply(function, left, right)

    def _symbol(self, symbol: sympy.Symbol) -> int:
        self._names.setdefault(symbol, str(symbol))
        self.space.declare({self._names[symbol]: self._given(symbol)})
        return self.space.symbols[self._names[symbol]]

    def _given(self, symbol: sympy.Symbol) -> tuple[int, Range]:
        """The symbol's number in the example, and its range."""
        bounds = self._ranges.get(symbol)
        low = int(bounds.lower) if bounds is not None and bounds.lower.is_Integer else 0
        high = int(bounds.upper) if bounds is not None and bounds.upper.is_Integer else None
        if symbol in self._examples:  # of an input's dimension, which has 2 elements at least (see dynamic.py)
            low = max(low, 2)
        if bounds is not None and not bounds.lower.is_Integer:  # no size, but a number that is read off the data
            low, high = -_FAR, _FAR if high is None else high
        return self._examples.get(symbol, max(low, 1)), Range(low, high)

    def _allows(self, numbers: Assignment) -> bool:
        """Whether every guard on symbols that have a number holds."""
        given = {str(s): numbers[n] for s, n in self._names.items() if n in numbers}
        return all(guard.holds(given) for guard in self._guards if guard.symbols <= given.keys())


def program_inputs(program: ExportedProgram) -> list[Node]:
    """The graph's nodes for the user's tensors, in order."""
    specs = program.graph_signature.input_specs
    nodes = [n for n in program.graph_module.graph.nodes if n.op == "placeholder"]
    pairs = zip(nodes, specs, strict=True)
    return [n for n, s in pairs if s.kind is InputKind.USER_INPUT and isinstance(n.meta.get("val"), torch.Tensor)]


def is_symbolic(value: Any) -> bool:
    """Whether a node gives a number of Python's that depends on sizes, or the truth about such."""
    return isinstance(value, torch.SymInt | torch.SymBool)


def depends_on_data(value: Any) -> bool:
    """Whether a size or number is read off the data of a tensor."""
    kinds = torch.Tensor | torch.SymInt | torch.SymBool | torch.SymFloat
    return isinstance(value, kinds) and bool(free_unbacked_symbols(value))


@dataclass(frozen=True)
class _Guard:
    """A condition on the numbers of symbols."""

    symbols: frozenset[str]
    test: Callable[..., Any]

    @staticmethod
    def of(expr: Any) -> _Guard:
        names = sorted(map(str, expr.free_symbols))
        return _Guard(frozenset(names), sympy.lambdify(names, expr, [_ARITHMETIC, "math"]))

    def holds(self, numbers: Mapping[str, int]) -> bool:
        try:
            return bool(self.test(**{name: numbers[name] for name in self.symbols}))
        except ZeroDivisionError:  # a size that is divided by is not 0
            return False


def _guards(program: ExportedProgram) -> list[_Guard]:
    """What torch.export found that sizes must satisfy for its graph to hold: that one is a multiple of 32, say.

    That a size is not 1 is none of these: it chose broadcasting, which the graph does not take back for a 1.
    """
    for node in program_inputs(program):
        for size in node.meta["val"].shape:
            if isinstance(size, torch.SymInt):
                guards = [g.expr for g in size.node.shape_env.guards]
                return [_Guard.of(g) for g in guards if not isinstance(g, sympy.Ne)]
    return []


def _dimensions(program: ExportedProgram) -> Iterator[tuple[tuple[int, int], Any]]:
    """Number of the input, axis, and expression of each symbolic dimension of the inputs."""
    for number, node in enumerate(program_inputs(program)):
        for axis, size in enumerate(node.meta["val"].shape):
            if isinstance(size, torch.SymInt) and size.node.expr.free_symbols:
                yield (number, axis), size.node.expr


_ARITHMETIC = {
    "FloorDiv": operator.floordiv,
    "CleanDiv": operator.floordiv,
    "Mod": operator.mod,
    "PythonMod": operator.mod,
    "IntTrueDiv": operator.truediv,
    "FloatTrueDiv": operator.truediv,
    "ToFloat": float,
    "PowByNatural": pow,
    "FloatPow": pow,
    "FloorToInt": math.floor,
    "CeilToInt": math.ceil,
    "TruncToInt": int,
    "RoundToInt": round,
}

_FUNCTIONS = {
    "Add": "+",
    "Mul": "*",
    "Pow": "*",
    "PowByNatural": "*",
    "FloorDiv": "//",
    "CleanDiv": "//",
    "Mod": "%",
    "PythonMod": "%",
    "Max": "max",
    "Min": "min",
}


def _operands(expr: Any) -> Sequence[Any]:
    """The numbers that the expression's function joins: a power is a product."""
    if type(expr).__name__ in ("Pow", "PowByNatural"):
        base, exponent = expr.args
        if not (exponent.is_Integer and exponent > 0):
            raise UnsupportedError(f"a size of {expr}: compute sizes with +, -, *, // and % only")
        return [base] * int(exponent)
    args: Sequence[Any] = expr.args
    return args


def _ratio(expr: Any) -> tuple[Fraction, Any] | None:
    """A float expression as a fraction times an integer one: how a size times a scale factor is written."""
    kind = type(expr).__name__
    if kind == "ToFloat":
        return Fraction(1), expr.args[0]
    if kind not in ("Mul", "FloatTrueDiv", "IntTrueDiv") or len(expr.args) != 2:
        return None
    left, right = expr.args
    if kind == "IntTrueDiv":
        return (Fraction(1, int(right)), left) if right.is_Integer else None
    if kind == "FloatTrueDiv":
        inner = _ratio(left)
        return (inner[0] / _simple(float(right)), inner[1]) if inner and right.is_number else None
    number, other = (left, right) if left.is_number else (right, left)
    inner = _ratio(other)
    return (inner[0] * _simple(float(number)), inner[1]) if inner and number.is_number else None


def _simple(factor: float) -> Fraction:
    """The factor as the fraction that it is written for, 17 / 10 for 1.7. Raises UnsupportedError where products of the
    two differ when rounded down."""
    simple = Fraction(factor).limit_denominator(_FAR)
    whole = range(simple.denominator, _FAR * simple.denominator, simple.denominator)
    if float(simple) != factor or any(
        math.floor(n * factor) * simple.denominator != n * simple.numerator for n in whole
    ):
        raise UnsupportedError(f"a size times {factor}: compute sizes with +, -, *, // and % only")
    return simple
