"""key: a site's computation in words, without its weights: sites with the same key take the same time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import Enum

from liteport.ir.graph import Op, Value
from liteport.ir.sizes import example
from liteport.passes.choose.rule import Site


def key(site: Site) -> str:
    """Its operators with their attributes, and the types of what they take; the numbers of constants only where they
    are integers or lone. Open sizes stand as in the example."""
    names: dict[int, str] = {}
    return "; ".join(_op(op, names) for op in site.ops)


def _op(op: Op, names: dict[int, str]) -> str:
    operands = ", ".join("-" if value is None else _value(value, names) for value in op.inputs)
    for value in op.outputs:
        names[id(value)] = f"%{len(names)}"
    results = ", ".join(names[id(value)] for value in op.outputs)
    return f"{results} = {op.name}({', '.join(_attributes(op))}) {operands}"


def _attributes(op: Op) -> Iterator[str]:
    for each in fields(op.operator):
        value = getattr(op.operator, each.name)
        yield f"{each.name}={value.name if isinstance(value, Enum) else value}"


def _value(value: Value, names: dict[int, str]) -> str:
    if id(value) in names:
        return names[id(value)]
    shape = ",".join(str(example(size)) for size in value.shape)
    kind = f"{value.dtype.name.lower()}[{shape}]"
    if not value.is_const:
        names[id(value)] = f"%{len(names)}"
        return f"{names[id(value)]}:{kind}"
    tells = not value.has_sizes and (value.dtype.is_int or value.type.size == 1)
    return f"{kind}={value.array.ravel().tolist()}" if tells else f"const {kind}"
