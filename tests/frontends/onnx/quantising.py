"""Small networks, quantised by ONNX Runtime's own quantize_static on random data."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

SAMPLES = 8


@dataclass
class Network:
    """A graph that is written a node at a time; weights are random, activations stay of about one size."""

    shape: Sequence[int]
    seed: int = 0
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def const(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def weights(self, *shape: int, fan: int) -> str:
        return self.const((self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"n_{name}", **attributes))
        return name

    def conv(self, x: str, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, group: int = 1) -> str:
        fan = inputs // group * kernel * kernel
        w, b = self.weights(outputs, inputs // group, kernel, kernel, fan=fan), self.weights(outputs, fan=16)
        around = [kernel // 2] * 4
        return self.add("Conv", x, w, b, pads=around, strides=[stride] * 2, group=group, kernel_shape=[kernel] * 2)

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        y = self.add("MatMul", x, self.weights(inputs, outputs, fan=inputs))
        return self.add("Add", y, self.weights(outputs, fan=16))

    def model(self, *outputs: str, opset: int = 17) -> ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        return onnx.shape_inference.infer_shapes(proto)


class _Samples(CalibrationDataReader):
    def __init__(self, shape: Sequence[int]) -> None:
        rng = np.random.default_rng(99)
        self._left: Iterator[Mapping[str, Any]] = iter(
            [{"x": rng.standard_normal(shape).astype(np.float32)} for _ in range(SAMPLES)]
        )

    def get_next(self) -> Any:
        return next(self._left, None)


def quantise(
    proto: ModelProto,
    form: QuantFormat = QuantFormat.QDQ,
    *,
    per_channel: bool = True,
    activations: QuantType = QuantType.QInt8,
    weights: QuantType = QuantType.QInt8,
    **options: Any,
) -> ModelProto:
    """The model, quantised."""
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    logging.getLogger().setLevel(logging.ERROR)
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "quantised.onnx"
        onnx.save(proto, source)
        quantize_static(
            source,
            target,
            _Samples(shape),
            quant_format=form,
            per_channel=per_channel,
            activation_type=activations,
            weight_type=weights,
            extra_options=options or None,
        )
        return onnx.load(target)
