"""Size: a number that is only known when the model runs, such as the length of a batch.

It stands wherever a dimension stands, and can be computed with: sums, products, quotients and remainders of Sizes are
Sizes, or plain ints where nothing is left to depend on. It is deliberately no int, and refuses to become one: code
that needs a fixed number (range(n), a NumPy shape, a constant table) ends in an error that says so, not in a size
that is silently baked in.

Two Sizes are equal where they agree at all *witnesses*, assignments of numbers to all symbols of a space: the
example's, and others from all over the allowed range. Each Size keeps its value at every witness; whatever all of
them say is taken for a fact, and a question on which they differ is an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import witnesses
from liteport.ir.witnesses import WITNESSES, Assignment, Range

if TYPE_CHECKING:
    _Number = int  # to the type checker a Size is one of the dimensions
else:
    _Number = object

_UNLIMITED = Range()

FUNCTIONS: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": lambda a, b: a // b if b else 0,
    "%": lambda a, b: a % b if b else a,
    "max": max,
    "min": min,
}


class Space:
    """The symbols of one graph, and every Size made of them: of those that are equal, the first.

    `allows` says whether an assignment, of all symbols so far, keeps what is demanded of them beyond their ranges
    (that one is a multiple of 32, say).
    """

    def __init__(self, allows: Callable[[Assignment], bool] = lambda numbers: True) -> None:
        self.allows = allows
        self.symbols: dict[str, Size] = {}
        self.ranges: dict[str, Range] = {}
        self._known: dict[tuple[int, ...], Size] = {}

    def symbol(self, name: str, example: int, limits: Range = _UNLIMITED) -> Size:
        """The symbol `name`, `example` in the example. Raises UnsupportedError where no other number is allowed."""
        self.declare({name: (example, limits)})
        return self.symbols[name]

    def declare(self, wanted: Mapping[str, tuple[int, Range]]) -> None:
        """Makes the symbols, with what they are in the example and their ranges: together where they depend on each
        other. Raises UnsupportedError where no other numbers are allowed."""
        new = {name: given for name, given in wanted.items() if name not in self.symbols}
        self.ranges |= {name: limits for name, (_, limits) in new.items()}
        found = [self._witness(place, new) for place in range(WITNESSES)] if new else []
        for name, (example, _) in new.items():
            values = (example, *(numbers[name] for numbers in found))
            self.symbols[name] = self._known[values] = Size(self, values, name, ())

    def _witness(self, place: int, new: witnesses.Declared) -> Assignment:
        """Numbers for new symbols that go with those which the others have at this place."""
        others = {name: symbol.values[place + 1] for name, symbol in self.symbols.items()}
        numbers = witnesses.witness(place, new, others, self.allows)
        if numbers is None:
            raise UnsupportedError(f"no other size of {', '.join(new)} than the example's is allowed: leave it fixed")
        return numbers

    def trials(self) -> list[Assignment]:
        """Assignments to try a model at: the example's, smaller numbers, larger ones, and both mixed.

        Where symbols have a number in common in the example, they differ in the others as far as they may.
        """
        example = {name: symbol.example for name, symbol in self.symbols.items()}
        declared = {name: (number, self.ranges[name]) for name, number in example.items()}
        found: list[Assignment] = [example]
        for rule in (lambda i: False, lambda i: True, lambda i: i % 2 == 0):
            targets = {
                name: n + n // 2 + 2 + i if rule(i) else max(n // 2 - i, 1)
                for i, (name, n) in enumerate(example.items())
            }
            numbers = witnesses.near(targets, declared, self.allows)
            if numbers is not None and numbers not in found:
                found.append(numbers)
        return found

    def apply(self, function: str, left: int, right: int) -> int:
        """function(left, right), as an int where all witnesses agree on one.

        A size may be 0: what is divided by it is what the other witnesses say.
        """
        f = FUNCTIONS[function]
        pairs = list(zip(self.values(left), self.values(right), strict=True))
        values = tuple(f(a, b) for a, b in pairs)
        if function in "//%" and any(not b for _, b in pairs):
            values = self._completed(values, [i for i, (_, b) in enumerate(pairs) if b])
        if len(set(values)) == 1:
            return values[0]
        if values not in self._known:
            self._known[values] = Size(self, values, function, (left, right))
        return self._known[values]

    def _completed(self, values: tuple[int, ...], places: Sequence[int]) -> tuple[int, ...]:
        """Those of a known number, if there is any, that has these values at `places`."""
        found = {values[i] for i in places}
        if len(found) == 1:
            return (found.pop(),) * len(values)
        return next((known for known in self._known if all(known[i] == values[i] for i in places)), values)

    def values(self, number: int) -> tuple[int, ...]:
        """A number's value at every witness."""
        return number.values if isinstance(number, Size) else (int(number),) * (WITNESSES + 1)


class Size(_Number):
    """A number of a Space: a symbol, or `function` of two numbers. `values` has it at every witness."""

    __slots__ = ("args", "function", "space", "values")

    def __init__(self, space: Space, values: tuple[int, ...], function: str, args: tuple[int, ...]) -> None:
        self.space = space
        self.values = values
        self.function = function
        self.args = args

    @property
    def is_symbol(self) -> bool:
        return not self.args

    @property
    def example(self) -> int:
        """The number in the example."""
        return self.values[0]

    def at(self, numbers: Assignment) -> int:
        """The number for these numbers of the symbols."""
        if self.is_symbol:
            return numbers[self.function]
        left, right = (at(a, numbers) for a in self.args)
        return FUNCTIONS[self.function](left, right)

    # Arithmetic

    def __add__(self, other: Any) -> Any:
        return self._apply("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._apply("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._apply("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._apply("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._apply("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._apply("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._apply("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._apply("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return self._apply("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._apply("%", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.__index__()

    def __rtruediv__(self, other: Any) -> Any:
        return self.__index__()

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        return self.__index__()

    def __rpow__(self, other: Any, modulus: Any = None) -> Any:
        return self.__index__()

    def __neg__(self) -> Any:
        return self._apply("-", 0, self)

    def _apply(self, function: str, left: int, right: int) -> Any:
        if not (_is_number(left) and _is_number(right)):
            return NotImplemented
        return self.space.apply(function, left, right)

    # Questions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.values == other.values

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.values)

    def __bool__(self) -> bool:
        return True  # 0 at all witnesses would be an int

    def __lt__(self, other: int) -> bool:
        return self._agree("<", operator.lt, other)

    def __le__(self, other: int) -> bool:
        return self._agree("<=", operator.le, other)

    def __gt__(self, other: int) -> bool:
        return self._agree(">", operator.gt, other)

    def __ge__(self, other: int) -> bool:
        return self._agree(">=", operator.ge, other)

    def _agree(self, sign: str, test: Callable[[int, int], bool], other: int) -> bool:
        pairs = zip(self.values, self.space.values(other), strict=True)
        answers = {test(a, b) for a, b in pairs}
        if len(answers) > 1:
            raise UnsupportedError(f"whether {self} {sign} {other} differs from size to size: {_REMEDY}")
        return answers.pop()

    # Refusals

    def __index__(self) -> int:
        raise UnsupportedError(f"a fixed number is needed in the place of {self}: {_REMEDY}")

    def __int__(self) -> int:
        return self.__index__()

    def __float__(self) -> float:
        return self.__index__()

    def __repr__(self) -> str:
        return f"<Size {self}>"

    def __str__(self) -> str:
        if self.is_symbol:
            return self.function
        if self.function in ("max", "min"):
            return f"{self.function}({', '.join(map(str, self.args))})"
        left, right = (_bracketed(a, self.function, i) for i, a in enumerate(self.args))
        return f"{left}{self.function}{right}"


_REMEDY = "limit the dimension's range, or leave it fixed"
_STRENGTH = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}


def _bracketed(number: int, outer: str, place: int) -> str:
    if not isinstance(number, Size) or number.function not in _STRENGTH:
        return str(number)
    mine, theirs = _STRENGTH[number.function], _STRENGTH[outer]
    loose = mine < theirs or (mine == theirs and (place == 1 or outer != number.function))
    return f"({number})" if loose else str(number)


def _is_number(value: object) -> bool:
    return isinstance(value, int | np.integer | Size) and not isinstance(value, bool)


def at(number: int, numbers: Assignment) -> int:
    """The number for these numbers of the symbols."""
    return number.at(numbers) if isinstance(number, Size) else number


def larger(left: int, right: int) -> int:
    """max(left, right), whichever it turns out to be."""
    return _either("max", left, right)


def smaller(left: int, right: int) -> int:
    """min(left, right), whichever it turns out to be."""
    return _either("min", left, right)


def _either(function: str, left: int, right: int) -> int:
    sized = next((v for v in (left, right) if isinstance(v, Size)), None)
    return FUNCTIONS[function](left, right) if sized is None else sized.space.apply(function, left, right)


def divides(left: int, right: int) -> bool:
    """Whether `left` divides `right`, whatever they turn out to be; 0, which a counted size may be, divides nothing."""
    sized = next((v for v in (left, right) if isinstance(v, Size)), None)
    pairs = [(left, right)] if sized is None else zip(*map(sized.space.values, (left, right)), strict=True)
    return all(a != 0 and b % a == 0 for a, b in pairs)


def symbols(number: object) -> Iterator[Size]:
    """The symbols that a number depends on."""
    if not isinstance(number, Size):
        return
    if number.is_symbol:
        yield number
    for argument in number.args:
        yield from symbols(argument)


def linear(number: object) -> Iterator[tuple[Size, int, int]]:
    """The symbol of a size that is factor * symbol + rest, with these: such a dimension shows what the symbol is."""
    if not isinstance(number, Size):
        return
    if number.is_symbol:
        yield number, 1, 0
        return
    for part, other in (number.args, number.args[::-1]):
        if isinstance(other, int) and number.function in "+*":
            for symbol, factor, rest in linear(part):
                times = number.function == "*"
                yield (symbol, factor * other, rest * other) if times else (symbol, factor, rest + other)


def is_fixed(numbers: Iterable[object]) -> bool:
    """Whether none of the numbers waits for the model to run."""
    return not any(isinstance(n, Size) for n in numbers)


def example(number: int) -> int:
    """The number in the example: for estimates of cost, and for what a file states of its tensors at rest."""
    return number.example if isinstance(number, Size) else int(number)


def magnitude(number: int) -> int:
    """A plain number by which sizes sort: of two, where one divides the other, that one's is not above the other's."""
    return sum(number.values) if isinstance(number, Size) else int(number) * (WITNESSES + 1)


def int_array(numbers: Any) -> np.ndarray[Any, Any]:
    """An int32 array of (nested sequences of) numbers; of objects where a Size is among them."""
    array = np.asarray(numbers, dtype=object)
    return array if not is_fixed(array.reshape(-1)) else array.astype(np.int32)
