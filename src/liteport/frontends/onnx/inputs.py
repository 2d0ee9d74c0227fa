"""The inputs of a model: their types, and the sizes that the file leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from onnx import GraphProto, ValueInfoProto

from liteport.errors import UnsupportedError, UsageError
from liteport.frontends.onnx.context import DTYPES, MOST_BITS
from liteport.frontends.onnx.tensors import type_name
from liteport.ir.dynamic import Dimension, is_text, parse
from liteport.ir.sizes import Space
from liteport.ir.types import Array, DType, Shape
from liteport.ir.witnesses import Range


@dataclass(frozen=True)
class Input:
    """An input: its element type in ONNX's numbers and as liteport carries it, its shape, and an example value."""

    name: str
    type: int
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


def declared(graph: GraphProto) -> list[ValueInfoProto]:
    """The inputs that a caller gives: older files list initialisers among them."""
    constants = {t.name for t in graph.initializer}
    return [i for i in graph.input if i.name not in constants]


def resolve(graph: GraphProto, args: Sequence[Any], kwargs: Mapping[str, Any], dynamic: Any = None) -> Resolved:
    """The inputs with the sizes of the examples given by position or name; open ones become 1 in front.

    `dynamic` says in text (see ir/dynamic.py) which sizes stay open; "all" are those that the file leaves open.
    What is given as Python's own numbers or lists, not as an array, is a constant of the converted model.
    Raises UsageError, UnsupportedError.
    """
    infos = declared(graph)
    given = _by_name([i.name for i in infos], args, kwargs)
    constants = {name: value for name, value in given.items() if not hasattr(value, "dtype")}
    fixed = {i.name: _constant(i, constants[i.name]) for i in infos if i.name in constants}
    infos = [i for i in infos if i.name not in constants]
    dynamics = _Dynamics(infos, dynamic)
    notes: list[str] = []
    inputs = [_input(info, _array(given.get(info.name)), dynamics, notes) for info in infos]
    return Resolved(inputs, fixed, dynamics.space, tuple(dict.fromkeys(notes)))


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


def _constant(info: ValueInfoProto, value: Any) -> Array:
    """A constant for an input, in the input's own type."""
    return np.asarray(value, _dtype(info).numpy)


def _dtype(info: ValueInfoProto) -> DType:
    """The input's type as liteport carries it. Raises UnsupportedError."""
    tensor = info.type.tensor_type
    if info.type.HasField("tensor_type") and tensor.elem_type in DTYPES:
        return DTYPES[tensor.elem_type]
    kind = info.type.WhichOneof("value")
    what = type_name(tensor.elem_type) if kind == "tensor_type" else kind
    raise UnsupportedError(f"an input of type {what} ({info.name}): inputs are tensors of numbers or truth values")


def _input(info: ValueInfoProto, given: Array | None, dynamics: _Dynamics, notes: list[str]) -> Input:
    dtype = _dtype(info)
    chosen = dynamics.axes(info)
    sizes = _sizes(info, given, chosen, notes)
    if prod(sizes) * dtype.bits > MOST_BITS:
        raise UsageError(f"input {_shown(info)} of {list(sizes)} takes more than the 2 GiB that a tensor may have")
    if given is None:
        given = np.zeros(sizes, dtype.numpy)
        if dtype.is_int and given.size > 1:
            given.flat[-1] = 1
    shape = tuple(dynamics.size(chosen[axis], n) if axis in chosen else n for axis, n in enumerate(sizes))
    return Input(info.name, info.type.tensor_type.elem_type, dtype, shape, given.astype(dtype.numpy))


def _sizes(
    info: ValueInfoProto, given: Array | None, chosen: Mapping[int, Dimension], notes: list[str]
) -> tuple[int, ...]:
    """The input's sizes in the example. Raises UsageError where these are not known, or do not fit."""
    tensor, shown = info.type.tensor_type, _shown(info)
    if not tensor.HasField("shape"):
        if given is None:
            raise UsageError(f"the shape of input {shown} is not known: give it, --input {info.name}=1,3,224,224")
        return given.shape
    dims = [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim]
    if given is not None:
        if len(dims) != given.ndim or any(d not in (None, n) for d, n in zip(dims, given.shape, strict=False)):
            raise UsageError(f"input {shown} does not take {list(given.shape)}")
        return given.shape
    if dims and dims[0] is None:
        dims[0] = 1
        if 0 not in chosen:
            notes.append(
                f"the batch of input {shown} is 1 (give another with --input, or leave it open with --dynamic)"
            )
    if any(d is None for d in dims):
        like = ",".join("SIZE" if d is None else str(d) for d in dims)
        raise UsageError(
            f"input {shown} has open sizes: give them with --input {info.name}={like}; "
            "--dynamic all keeps them open all the same"
        )
    return tuple(d for d in dims if d is not None)


def _shown(info: ValueInfoProto) -> str:
    """The input with its sizes, as the file has them."""
    tensor = info.type.tensor_type
    sizes = [d.dim_param or (str(d.dim_value) if d.dim_value > 0 else "?") for d in tensor.shape.dim]
    return f"{info.name}[{','.join(sizes)}]" if tensor.HasField("shape") else info.name


class _Dynamics:
    """Which dimensions stay open, and their symbols."""

    def __init__(self, infos: Sequence[ValueInfoProto], spec: Any) -> None:
        self.space = Space()
        self.all_open = spec in ("all", ["all"], ("all",))
        if spec is not None and not is_text(spec):
            raise UsageError('dynamic= of an ONNX model is text, such as "all", "batch" or "x:2=height:32..640"')
        self.dimensions = [] if spec is None or self.all_open else parse(spec)
        for dimension in self.dimensions:
            if not any(_axes_of(info, dimension) for info in infos):
                there = ", ".join(map(_shown, infos))
                raise UsageError(f"no input has a dimension {dimension.axis} for {dimension.name}: there are {there}")

    def axes(self, info: ValueInfoProto) -> dict[int, Dimension]:
        """The open dimensions of an input, by axis."""
        if self.all_open:
            dims = enumerate(info.type.tensor_type.shape.dim)
            return {i: Dimension(None, i, _name(info, i)) for i, d in dims if d.dim_value <= 0}
        return {axis: d for d in self.dimensions for axis in _axes_of(info, d)}

    def size(self, dimension: Dimension, example: int) -> int:
        """The dimension's symbol. Raises UsageError where one name stands for two sizes."""
        symbol = self.space.symbol(dimension.name, example, Range(dimension.low or 1, dimension.high))
        if symbol.example != example:
            raise UsageError(f"{dimension.name} is {symbol.example} in one input and {example} in another")
        return symbol


def _name(info: ValueInfoProto, axis: int) -> str:
    """What the file calls a dimension; a name made of the input's where it has none ("?" is none)."""
    name: str = info.type.tensor_type.shape.dim[axis].dim_param
    return name if any(map(str.isalpha, name)) else f"{info.name}_{axis}"


def _axes_of(info: ValueInfoProto, dimension: Dimension) -> list[int]:
    """The axes of an input that a dimension means."""
    dims = info.type.tensor_type.shape.dim
    if dimension.input not in (None, info.name):
        return []
    own = [axis for axis, d in enumerate(dims) if d.dim_param == dimension.name]
    if dimension.given_axis is None and own:
        return own
    return [dimension.axis] if dimension.axis < len(dims) else []
