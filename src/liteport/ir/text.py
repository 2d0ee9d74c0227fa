"""format: a module or a graph as text, one operation a line."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops.base import Operator


def format(what: Module | Graph) -> str:
    """A readable listing: `%result: type = OPERATOR(operands) {attributes}  # where it came from`.

    Attributes are left out where they have their default; constants show their type, and their
    numbers where there are few.
    """
    if isinstance(what, Module):
        return "\n\n".join(format(graph) for graph in what.graphs)
    head = f"graph {what.name}" + (f" (signature {what.signature})" if what.signature is not None else "")
    inputs = ", ".join(map(_typed, what.inputs))
    outputs = ", ".join(map(_operand, what.outputs))
    return "\n".join([f"{head}({inputs}):", *(f"  {_line(op)}" for op in what.ops), f"  return {outputs}"])


def _line(op: Op) -> str:
    results = ", ".join(map(_typed, op.outputs))
    operands = ", ".join(_operand(value) for value in op.inputs)
    attributes = _attributes(op.operator)
    shown = " {" + ", ".join(attributes) + "}" if attributes else ""
    source = f"  # {op.source}" if str(op.source) else ""
    return f"{results}{' = ' if results else ''}{op.name}({operands}){shown}{source}"


def _typed(value: Value) -> str:
    return f"%{value.name}: {value.type}"


def _operand(value: Value | None) -> str:
    if value is None:
        return "none"
    if value.data is None:
        return f"%{value.name}"
    small = value.data.size <= 8 and not value.dtype.is_raw
    return f"{value.type}{value.data.tolist() if small else ''}"


def _attributes(operator: Operator) -> list[str]:
    shown = []
    for f in fields(operator):
        value = getattr(operator, f.name)
        if f.name != "name" and value != f.default:
            shown.append(f"{f.name}={_plain(value)}")
    return shown


def _plain(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)
