"""Small ONNX models in tests: built, converted, run in LiteRT, compared with ONNX Runtime on random inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

import liteport
from liteport.model import LiteModel

Shape = Sequence[int | str]

OPSET = 22


def model(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Shape],
    outputs: Sequence[str],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = OPSET,
    types: Mapping[str, int] | None = None,
) -> ModelProto:
    """A model of these nodes; inputs and outputs are floats unless `types` says."""
    kinds = types or {}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), None) for n in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    domains = {"": opset} | {node.domain: 1 for node in nodes if node.domain}
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in domains.items()], ir_version=10)


def check(proto: ModelProto, ops: Sequence[str] | None = None, **given: Any) -> LiteModel:
    """Converts and verifies; `ops` is the exact list of operators that is due."""
    converted = liteport.convert(proto, kwargs=given, verify=3, debug=True)
    if ops is not None:
        assert [op.name for op in converted.module.graphs[0].ops] == list(ops)
    return converted
