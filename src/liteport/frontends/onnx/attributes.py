"""The attributes of a node, as Python has such values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import AttributeProto, GraphProto, NodeProto

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.tensors import to_array

_KINDS = AttributeProto.AttributeType
_HINT = "consumed_inputs"  # whose memory the result may take, which says nothing of the numbers


def attributes(node: NodeProto) -> dict[str, Any]:
    """By name: numbers and lists of them, text, arrays for tensors, GraphProtos; without opset 1's hints."""
    return {a.name: _value(a, node) for a in node.attribute if a.name != _HINT}


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs among the attributes."""
    for attribute in node.attribute:
        if attribute.type == _KINDS.GRAPH:
            yield attribute.g
        elif attribute.type == _KINDS.GRAPHS:
            yield from attribute.graphs


def _value(attribute: AttributeProto, node: NodeProto) -> Any:
    kind = attribute.type
    if kind == _KINDS.FLOAT:
        return attribute.f
    if kind == _KINDS.INT:
        return attribute.i
    if kind == _KINDS.STRING:
        return _text(attribute.s, attribute, node)
    if kind == _KINDS.TENSOR:
        return to_array(attribute.t)
    if kind == _KINDS.GRAPH:
        return attribute.g
    if kind == _KINDS.FLOATS:
        return list(attribute.floats)
    if kind == _KINDS.INTS:
        return list(attribute.ints)
    if kind == _KINDS.STRINGS:
        return [_text(s, attribute, node) for s in attribute.strings]
    raise UnsupportedError(f"its attribute {attribute.name} of type {_kind_name(kind)}")


def _kind_name(kind: int) -> str:
    return _KINDS.Name(kind) if kind in _KINDS.values() else f"number {kind}"


def _text(content: bytes, attribute: AttributeProto, node: NodeProto) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{node.op_type} {node.name}: its attribute {attribute.name} is no text: {error}") from error
