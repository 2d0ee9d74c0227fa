"""Operators that are functions: of the model's own, and of the standard, which has a body for many operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto, TensorProto, TypeProto, defs

from liteport.frontends.onnx.attributes import subgraphs
from liteport.ir.graph import Value
from liteport.ir.sizes import Size
from liteport.ir.types import DType

_TENSORS = {
    DType.FLOAT32: TensorProto.FLOAT,
    DType.INT64: TensorProto.INT64,
    DType.INT32: TensorProto.INT32,
    DType.INT16: TensorProto.INT16,
    DType.INT8: TensorProto.INT8,
    DType.UINT64: TensorProto.UINT64,
    DType.UINT32: TensorProto.UINT32,
    DType.UINT16: TensorProto.UINT16,
    DType.UINT8: TensorProto.UINT8,
    DType.BOOL: TensorProto.BOOL,
}

Operands = Sequence[Value | None]


class Functions:
    """The functions that the nodes of one model may call."""

    def __init__(self, model: ModelProto) -> None:
        self._local = {(f.domain, f.name, f.overload): f for f in model.functions}

    def body(self, node: NodeProto, opsets: Mapping[str, int], operands: Operands = ()) -> FunctionProto | None:
        """The function that the node's operator is, its attributes put in; None where there is none for `operands`."""
        local = self._local.get((node.domain, node.op_type, node.overload))
        if local is not None:
            return _with_attributes(local, node, local.attribute_proto)
        schema = _schema(node, opsets)
        if schema is None:
            return None
        version = opsets.get(node.domain, 1)
        content = b""
        if schema.has_function:
            content = schema.get_function_with_opset_version(version)
        elif schema.has_context_dependent_function and operands:
            content = schema.get_context_dependent_function_with_opset_version(
                version, node.SerializeToString(), [_type(v).SerializeToString() for v in operands]
            )
        if not content:
            return None
        function = FunctionProto.FromString(content)
        defaults = [a.default_value for a in schema.attributes.values() if a.default_value.name]
        return _with_attributes(function, node, defaults)

    def may_have_body(self, node: NodeProto, opsets: Mapping[str, int]) -> bool:
        """Whether the operator has a body for some types of operands."""
        schema = _schema(node, opsets)
        return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def _schema(node: NodeProto, opsets: Mapping[str, int]) -> defs.OpSchema | None:
    version = opsets.get("" if node.domain == "ai.onnx" else node.domain)
    if version is None or not defs.has(node.op_type, node.domain):
        return None
    try:
        return defs.get_schema(node.op_type, version, node.domain)
    except defs.SchemaError:  # it is younger than the model's opset
        return None


def _type(value: Value | None) -> TypeProto:
    """The value's type in ONNX's terms; an empty one for an input that is left out."""
    proto = TypeProto()
    if value is not None:
        proto.tensor_type.elem_type = _TENSORS[value.dtype]
        proto.tensor_type.shape.SetInParent()
        for size in value.shape:
            dim = proto.tensor_type.shape.dim.add()
            if isinstance(size, Size):
                dim.dim_param = str(size)
            else:
                dim.dim_value = size
    return proto


def _with_attributes(function: FunctionProto, node: NodeProto, defaults: Iterable[AttributeProto]) -> FunctionProto:
    """The function with the node's attributes, or their defaults, in the places that refer to them."""
    given = {a.name: a for a in defaults} | {a.name: a for a in node.attribute}
    filled = FunctionProto()
    filled.CopyFrom(function)
    _fill(filled.node, given)
    return filled


def _fill(nodes: Iterable[NodeProto], given: Mapping[str, AttributeProto]) -> None:
    for node in nodes:
        kept = []
        for attribute in node.attribute:
            if not attribute.ref_attr_name:
                kept.append(attribute)
            elif attribute.ref_attr_name in given:
                found = AttributeProto()
                found.CopyFrom(given[attribute.ref_attr_name])
                found.name = attribute.name
                kept.append(found)
        copies = [AttributeProto.FromString(a.SerializeToString()) for a in kept]
        del node.attribute[:]
        node.attribute.extend(copies)
        for graph in subgraphs(node):
            _fill(graph.node, given)
