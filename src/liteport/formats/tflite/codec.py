"""Operators to and from the options tables of the .tflite schema; both ways read the same row.

The rows stand in table.py, one for each operator class. Options are objects of the flatbuffers
object API (the `...OptionsT` classes of the schema).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.formats.tflite.versions import Rule
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.types import DType

Names = Sequence[str]
SIZELESS = (DType.STRING, DType.RESOURCE, DType.VARIANT)  # the shape does not tell the bytes


class UnknownOptionError(ValueError):
    """An option, or a value of one, that the operator class has no words for."""


@dataclass(frozen=True)
class Kind:
    """How one field of an options table stands for an attribute. Graphs are known by their names, in the file's order.

    `decode` raises UnknownOptionError for a number without a name, ValueError for a graph that is not there.
    """

    encode: Callable[[Any, Names], Any]
    decode: Callable[[Any, Names], Any]


@dataclass(frozen=True)
class Field:
    """An attribute and the schema's field, or fields (one for each element of a tuple), that hold it.

    A field that only repeats what the tensors say has `computed` in the place of an attribute.
    """

    attribute: str
    names: tuple[str, ...]
    kind: Kind
    computed: Callable[[Op], Any] | None = None


@dataclass(frozen=True)
class Row:
    """One operator class: its options table, the fields in it, its version.

    `derive` gives the attributes that a file keeps in the results' types.
    """

    operator: type[Operator]
    options: str = ""
    fields: tuple[Field, ...] = ()
    version: Rule = 1
    derive: Callable[[Sequence[Value]], dict[str, Any]] = field(default=lambda results: {})


def _enum(kind: type[Any], to_name: Callable[[Any], str], of_name: Callable[[str], Any]) -> Kind:
    numbers = {k: v for k, v in vars(kind).items() if isinstance(v, int)}
    names = {v: k for k, v in numbers.items()}

    def decode(number: int, _: Names) -> Any:
        if number not in names:
            raise UnknownOptionError(f"{kind.__name__} has no {number}")
        return of_name(names[number])

    return Kind(lambda value, _: numbers[to_name(value)], decode)


def enum_of(kind: type[Any], python: type[Enum]) -> Kind:
    """A member of `python` by the name of the schema's enum."""
    return _enum(kind, lambda value: str(value.name), lambda name: python[name])


def name_of(kind: type[Any]) -> Kind:
    """The name itself, a str, of the schema's enum."""
    return _enum(kind, str, str)


PLAIN = Kind(lambda value, _: value, lambda value, _: value)
INTS = Kind(lambda value, _: list(value), lambda value, _: () if value is None else tuple(int(v) for v in value))
OPTIONAL_INTS = Kind(
    lambda value, _: None if value is None else list(value),
    lambda value, _: None if value is None else tuple(int(v) for v in value),
)
FLOATS = Kind(lambda value, _: list(value), lambda value, _: () if value is None else tuple(float(v) for v in value))
TEXT = Kind(lambda value, _: value, lambda value, _: (value or b"").decode("utf-8", "backslashreplace"))
BYTES = Kind(
    lambda value, _: np.frombuffer(value, np.uint8) if value else None,
    lambda value, _: b"" if value is None else bytes(value),
)
DTYPE = enum_of(schema.TensorType, DType)


def _graph_name(index: int, graphs: Names) -> str:
    if not 0 <= index < len(graphs):
        raise ValueError(f"there is no subgraph {index}")
    return graphs[index]


GRAPH = Kind(lambda name, graphs: graphs.index(name), _graph_name)
GRAPHS = Kind(
    lambda names, graphs: [graphs.index(n) for n in names],
    lambda indices, graphs: tuple(_graph_name(int(i), graphs) for i in (() if indices is None else indices)),
)


def new_options(name: str) -> Any:
    """An empty options object of the table `name`."""
    return getattr(schema, f"{name}T")()


def encode_options(row: Row, op: Op, graphs: Names) -> Any:
    """The options object of `op`, or None where its operator has no options table."""
    if not row.options:
        return None
    options = new_options(row.options)
    for f in row.fields:
        value = f.computed(op) if f.computed else getattr(op.operator, f.attribute)
        for name, part in zip(f.names, value if len(f.names) > 1 else (value,), strict=True):
            setattr(options, name, f.kind.encode(part, graphs))
    return options


def decode_options(row: Row, options: Any, results: Sequence[Value], graphs: Names) -> Operator:
    """The operator that `options` (None: all defaults) describe.

    Raises UnknownOptionError where they say what the operator class has no words for, and
    ValueError where they refer to graphs that are not there.
    """
    if options is None and row.options:
        options = new_options(row.options)
    attributes = row.derive(results)
    known: set[str] = set()
    for f in row.fields:
        known.update(f.names)
        if f.computed:
            continue
        parts = tuple(f.kind.decode(getattr(options, name), graphs) for name in f.names)
        attributes[f.attribute] = parts if len(parts) > 1 else parts[0]
    for name, value in vars(options).items() if options is not None else ():
        if name not in known and value is not None and np.any(value):
            raise UnknownOptionError(f"unknown option {name}")
    return row.operator(**attributes)


def version_of(row: Row, op: Op) -> int:
    """The operator version that `op` needs, or the one its file gave it."""
    if op.version is not None:
        return op.version
    return row.version if isinstance(row.version, int) else row.version(op)


def union_number(options: Any) -> tuple[int, int]:
    """The number of an options object's table in BuiltinOptions and in BuiltinOptions2; 0 where it is not in it."""
    name = type(options).__name__[:-1] if options is not None else "NONE"
    return (getattr(schema.BuiltinOptions, name, 0), getattr(schema.BuiltinOptions2, name, 0))


def builtin_number(name: str) -> int:
    """The number of the builtin operator `name`. Raises KeyError."""
    return cast(int, vars(schema.BuiltinOperator)[name])
