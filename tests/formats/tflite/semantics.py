"""What a .tflite means, without its layout: for comparing files that different writers laid out."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def semantics(data: bytes) -> dict[str, Any]:
    """The file's operators, tensors, constants, signatures and metadata, by content instead of by number."""
    model = schema.ModelT.InitFromPackedBuf(data)
    buffers = [_buffer(data, buffer) for buffer in model.buffers]
    return {
        "description": model.description or b"",
        "subgraphs": [_subgraph(model, graph, buffers) for graph in model.subgraphs],
        "signatures": {s.signatureKey: _signature(model, s) for s in model.signatureDefs or ()},
        "metadata": {m.name: buffers[m.buffer] for m in model.metadata or ()},
    }


def _buffer(data: bytes, buffer: Any) -> bytes:
    if buffer.offset > 1:
        return data[buffer.offset : buffer.offset + buffer.size]
    return b"" if buffer.data is None else bytes(np.asarray(buffer.data, np.uint8))


def _signature(model: Any, signature: Any) -> Any:
    tensors = model.subgraphs[signature.subgraphIndex].tensors
    return [
        {entry.name: tensors[entry.tensorIndex].name for entry in entries}
        for entries in (signature.inputs, signature.outputs)
    ]


def _subgraph(model: Any, graph: Any, buffers: list[bytes]) -> dict[str, Any]:
    tensors = [_tensor(tensor, buffers) for tensor in graph.tensors]

    def chosen(indices: Any) -> list[Any]:
        return [None if i < 0 else tensors[i] for i in _list(indices)]

    return {
        "name": graph.name,
        "inputs": chosen(graph.inputs),
        "outputs": chosen(graph.outputs),
        "operators": [
            {
                "code": _code(model.operatorCodes[op.opcodeIndex]),
                "options": _options(op),
                "custom": bytes(np.asarray(_list(op.customOptions), np.uint8)),
                "inputs": chosen(op.inputs),
                "outputs": chosen(op.outputs),
                "intermediates": chosen(op.intermediates),
            }
            for op in graph.operators
        ],
    }


def _tensor(tensor: Any, buffers: list[bytes]) -> dict[str, Any]:
    nothing = plain(schema.QuantizationParametersT())
    quantization = plain(tensor.quantization)
    return {
        "name": tensor.name,
        "type": tensor.type,
        "shape": _list(tensor.shape),
        "signature": plain(tensor.shapeSignature),
        "variable": tensor.isVariable,
        "has_rank": tensor.hasRank,
        "quantization": None if quantization == nothing else quantization,
        "sparsity": plain(tensor.sparsity),
        "variants": plain(tensor.variantTensors),
        "data": buffers[tensor.buffer],
    }


def _code(code: Any) -> tuple[int, Any, int]:
    return max(code.builtinCode, code.deprecatedBuiltinCode), code.customCode, code.version


def _options(op: Any) -> Any:
    """None for tables without fields: the runtime does not look at them."""
    options = op.builtinOptions or op.builtinOptions2
    return plain(options) if options is not None and vars(options) else None


def _list(vector: Any) -> list[Any]:
    return [] if vector is None else np.asarray(vector).tolist()


def plain(thing: Any) -> Any:
    """An object of the object API as dicts and lists; empty vectors are no vectors."""
    if isinstance(thing, np.ndarray | list):
        return [plain(item) for item in thing] or None
    if thing is None or isinstance(thing, str | bytes) or np.isscalar(thing):
        return thing
    return {"table": type(thing).__name__, **{name: plain(value) for name, value in vars(thing).items()}}
