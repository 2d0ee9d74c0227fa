"""The inputs of a model that comes in a file: what the file declares, and what a conversion makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from liteport.errors import UsageError
from liteport.ir.dynamic import Dimension, is_text, parse
from liteport.ir.sizes import Space
from liteport.ir.types import Array, DType, Shape
from liteport.ir.witnesses import Range

MOST_BITS = 8 << 31
"""What a tensor may have: LiteRT counts bytes in 32 bits in places."""


@dataclass(frozen=True)
class Declared:
    """An input as the file has it: a dimension is a size, what the file calls an open one, or None; `dims` is None
    where not even the rank is known."""

    name: str
    dtype: DType
    dims: tuple[int | str | None, ...] | None

    def __str__(self) -> str:
        if self.dims is None:
            return self.name
        return f"{self.name}[{','.join('?' if d is None else str(d) for d in self.dims)}]"


@dataclass(frozen=True)
class Input:
    """An input: its type, with Sizes where dimensions stay open, and an example value."""

    name: str
    dtype: DType
    shape: Shape
    example: Array


@dataclass(frozen=True)
class Resolved:
    """What a model is converted for: its inputs, constants in the place of others, and the space of open sizes."""

    inputs: Sequence[Input]
    constants: Mapping[str, Array]
    space: Space
    notes: Sequence[str] = ()


def resolve(
    inputs: Sequence[Declared], args: Sequence[Any], kwargs: Mapping[str, Any], dynamic: Any = None
) -> Resolved:
    """The inputs with the sizes of the examples given by position or name; open ones become 1 in front.

    `dynamic` says in text (see ir/dynamic.py) which sizes stay open; "all" are those that the file leaves open.
    What is given as Python's own numbers or lists, not as an array, is a constant of the converted model.
    Raises UsageError.
    """
    given = _by_name([i.name for i in inputs], args, kwargs)
    constants = {name: value for name, value in given.items() if not hasattr(value, "dtype")}
    fixed = {i.name: np.asarray(constants[i.name], i.dtype.numpy) for i in inputs if i.name in constants}
    inputs = [i for i in inputs if i.name not in constants]
    dynamics = _Dynamics(inputs, dynamic)
    notes: list[str] = []
    found = [_input(each, _array(given.get(each.name)), dynamics, notes) for each in inputs]
    return Resolved(found, fixed, dynamics.space, tuple(dict.fromkeys(notes)))


def _by_name(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    if len(args) > len(names):
        raise UsageError(f"{len(args)} inputs are given, and the model takes {len(names)}: {', '.join(names)}")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise UsageError(f"the model has no input {name!r}: it takes {', '.join(names)}")
        given[name] = value
    return given


def _array(given: Any) -> Array | None:
    return None if given is None else np.asarray(given)


def _input(declared: Declared, given: Array | None, dynamics: _Dynamics, notes: list[str]) -> Input:
    dtype = declared.dtype
    chosen = dynamics.axes(declared)
    sizes = _sizes(declared, given, chosen, notes)
    if prod(sizes) * dtype.bits > MOST_BITS:
        raise UsageError(f"input {declared} of {list(sizes)} takes more than the 2 GiB that a tensor may have")
    if given is None:
        given = np.zeros(sizes, dtype.numpy)
        if dtype.is_int and given.size > 1:
            given.flat[-1] = 1
    shape = tuple(dynamics.size(chosen[axis], n) if axis in chosen else n for axis, n in enumerate(sizes))
    return Input(declared.name, dtype, shape, given.astype(dtype.numpy))


def _sizes(
    declared: Declared, given: Array | None, chosen: Mapping[int, Dimension], notes: list[str]
) -> tuple[int, ...]:
    """The input's sizes in the example. Raises UsageError where these are not known, or do not fit."""
    if declared.dims is None:
        if given is None:
            raise UsageError(
                f"the shape of input {declared} is not known: give it, --input {declared.name}=1,3,224,224"
            )
        return tuple(given.shape)
    dims = [d if isinstance(d, int) else None for d in declared.dims]
    if given is not None:
        if len(dims) != given.ndim or any(d not in (None, n) for d, n in zip(dims, given.shape, strict=False)):
            raise UsageError(f"input {declared} does not take {list(given.shape)}")
        return tuple(given.shape)
    if dims and dims[0] is None:
        dims[0] = 1
        if 0 not in chosen:
            notes.append(
                f"the batch of input {declared} is 1 (give another with --input, or leave it open with --dynamic)"
            )
    if any(d is None for d in dims):
        like = ",".join("SIZE" if d is None else str(d) for d in dims)
        raise UsageError(
            f"input {declared} has open sizes: give them with --input {declared.name}={like}; "
            "--dynamic all keeps them open all the same"
        )
    return tuple(d for d in dims if d is not None)


class _Dynamics:
    """Which dimensions stay open, and their symbols."""

    def __init__(self, inputs: Sequence[Declared], spec: Any) -> None:
        self.all_open = spec in ("all", ["all"], ("all",))
        if spec is not None and not is_text(spec):
            raise UsageError('dynamic= of such a model is text, such as "all", "batch" or "x:2=height:32..640"')
        self.dimensions = [] if spec is None or self.all_open else parse(spec)
        steps = {dimension.name: dimension.step for dimension in self.dimensions}
        self.space = Space(lambda numbers: all(n % steps.get(name, 1) == 0 for name, n in numbers.items()))
        for dimension in self.dimensions:
            if not any(_axes_of(each, dimension) for each in inputs):
                there = ", ".join(map(str, inputs))
                raise UsageError(f"no input has a dimension {dimension.axis} for {dimension.name}: there are {there}")

    def axes(self, declared: Declared) -> dict[int, Dimension]:
        """The open dimensions of an input, by axis."""
        if self.all_open:
            dims = enumerate(declared.dims or ())
            return {i: Dimension(None, i, _name(declared, i)) for i, d in dims if not isinstance(d, int)}
        return {axis: d for d in self.dimensions for axis in _axes_of(declared, d)}

    def size(self, dimension: Dimension, example: int) -> int:
        """The dimension's symbol. Raises UsageError where one name stands for two sizes."""
        if example % dimension.step:
            raise UsageError(f"{dimension.name} is {example} in the example, which is no multiple of {dimension.step}")
        symbol = self.space.symbol(dimension.name, example, Range(dimension.low or 1, dimension.high))
        if symbol.example != example:
            raise UsageError(f"{dimension.name} is {symbol.example} in one input and {example} in another")
        return symbol


def _name(declared: Declared, axis: int) -> str:
    """What the file calls a dimension; a name made of the input's where it has none ("?" is none)."""
    name = (declared.dims or ())[axis]
    return name if isinstance(name, str) and any(map(str.isalpha, name)) else f"{declared.name}_{axis}"


def _axes_of(declared: Declared, dimension: Dimension) -> list[int]:
    """The axes of an input that a dimension means."""
    dims = declared.dims or ()
    if dimension.input not in (None, declared.name):
        return []
    own = [axis for axis, d in enumerate(dims) if d == dimension.name]
    if dimension.given_axis is None and own:
        return own
    return [dimension.axis] if dimension.axis < len(dims) else []
