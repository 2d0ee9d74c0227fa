"""What of the standard's cases is out of scope, by rules on operators and element types; all else counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto

FOR_TRAINING = frozenset({"Gradient", "Adagrad", "Adam", "Momentum"})
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
IMAGES = frozenset({"ImageDecoder"})
SMALL_FLOATS = frozenset(
    {
        *(TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ),
        *(TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E8M0),
    }
)
COMPLEX = frozenset({TensorProto.COMPLEX64, TensorProto.COMPLEX128})
DOMAINS = {
    "ai.onnx.ml": "ai.onnx.ml: trees, encoders and other models that are no networks",
    "ai.onnx.training": "gradients and optimisers",
    "ai.onnx.preview.training": "gradients and optimisers",
}


def reason(model: ModelProto) -> str | None:
    """Why a model is out of scope; None where it counts."""
    nodes = list(_nodes(model.graph))
    types = list(_types(model.graph))
    kinds = {t.WhichOneof("value") for t in types}
    elements = {t.tensor_type.elem_type for t in types if t.HasField("tensor_type")} | set(_mentioned(nodes))
    operators = {n.op_type for n in nodes}
    rules: list[tuple[object, str]] = [
        (kinds & {"sequence_type", "map_type"} or _any(operators, "Sequence"), "sequences and maps"),
        (kinds & {"optional_type"} or _any(operators, "Optional"), "optional values"),
        (TensorProto.STRING in elements, "strings"),
        (elements & SMALL_FLOATS, "4- and 8-bit floats"),
        (elements & COMPLEX, "complex numbers"),
        (operators & IMAGES, "image codecs"),
        (operators & RANDOM, "random numbers"),
        (operators & FOR_TRAINING or any(map(_trains, nodes)), "training"),
    ]
    rules += [(any(n.domain == domain for n in nodes), why) for domain, why in DOMAINS.items()]
    return next((why for hit, why in rules if hit), None)


def _any(operators: Iterable[str], part: str) -> bool:
    return any(part in name and name != "ReverseSequence" for name in operators)


def _trains(node: NodeProto) -> bool:
    """Batch norm and dropout in training mode."""
    if node.op_type == "BatchNormalization":
        return any(a.name == "training_mode" and a.i for a in node.attribute)
    return node.op_type == "Dropout" and len(node.input) > 2


def _mentioned(nodes: Iterable[NodeProto]) -> Iterator[int]:
    """Element types that attributes ask for, or that constants have."""
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t.data_type
            elif attribute.name in ("to", "dtype", "output_dtype"):
                yield attribute.i


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _types(graph: GraphProto) -> Iterator[TypeProto]:
    infos: list[ValueInfoProto] = [*graph.input, *graph.output, *graph.value_info]
    yield from (info.type for info in infos)
    for tensor in graph.initializer:
        type = TypeProto()
        type.tensor_type.elem_type = tensor.data_type
        yield type
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _types(inner)
