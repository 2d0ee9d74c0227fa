"""The inputs of a model: their types, and the sizes that the file leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import GraphProto, ValueInfoProto

from liteport.errors import UnsupportedError, UsageError
from liteport.frontends.onnx.context import DTYPES
from liteport.frontends.onnx.tensors import type_name
from liteport.ir.sizes import Space, example
from liteport.ir.types import Array, DType, Shape


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

    What is given as Python's own numbers or lists, not as an array, is a constant of the converted model.
    Raises UsageError, UnsupportedError.
    """
    if dynamic is not None:
        raise UnsupportedError("dynamic dimensions of ONNX models: give the sizes with --input")
    infos = declared(graph)
    given = _by_name([i.name for i in infos], args, kwargs)
    notes: list[str] = []
    constants = {name: value for name, value in given.items() if not hasattr(value, "dtype")}
    inputs = [_input(info, _array(given.get(info.name)), notes) for info in infos if info.name not in constants]
    fixed = {i.name: _constant(i, constants[i.name]) for i in infos if i.name in constants}
    return Resolved(inputs, fixed, Space(), tuple(dict.fromkeys(notes)))


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


def _input(info: ValueInfoProto, given: Array | None, notes: list[str]) -> Input:
    dtype = _dtype(info)
    shape = _shape(info, given, notes)
    if given is None:
        given = np.zeros([example(d) for d in shape], dtype.numpy)
        if dtype.is_int and given.size > 1:
            given.flat[-1] = 1
    return Input(info.name, info.type.tensor_type.elem_type, dtype, shape, given.astype(dtype.numpy))


def _shape(info: ValueInfoProto, given: Array | None, notes: list[str]) -> Shape:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        if given is None:
            raise UsageError(f"the shape of input {info.name} is not known: give it, --input {info.name}=1,3,224,224")
        return given.shape
    dims = [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim]
    sizes = [d.dim_param or "?" if n is None else str(n) for d, n in zip(tensor.shape.dim, dims, strict=True)]
    shown = f"{info.name}[{','.join(sizes)}]"
    if given is not None:
        if len(dims) != given.ndim or any(d not in (None, n) for d, n in zip(dims, given.shape, strict=False)):
            raise UsageError(f"input {shown} does not take {list(given.shape)}")
        return given.shape
    if dims and dims[0] is None:
        dims[0] = 1
        notes.append(f"the batch of input {shown} is 1 (give another with --input, or leave it open with --dynamic)")
    if any(d is None for d in dims):
        like = ",".join("SIZE" if d is None else str(d) for d in dims)
        raise UsageError(f"input {shown} has open sizes: fix them with --input {info.name}={like}, or see --dynamic")
    return tuple(d for d in dims if d is not None)
