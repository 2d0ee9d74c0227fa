"""A function as a frozen graph in a session of its own: where kernels lack channels first, and in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from liteport.formats.tensorflow.function import Function, traced
from liteport.formats.tensorflow.graphs import all_nodes
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.ir.types import Array


@dataclass(frozen=True)
class FrozenFunction:
    """A GraphDef without variables, and the names of its tensors for the function's inputs and outputs, in order.

    TensorFlow turns operators that have channels first into others: the CPU's kernels have them last.
    """

    graph_def: Any
    inputs: Sequence[str]
    outputs: Sequence[str]

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs; float inputs are taken in the graph's own precision. Raises what TensorFlow does."""
        graph = self._session.graph
        types = [graph.get_tensor_by_name(name).dtype.as_numpy_dtype for name in self.inputs]
        fed = {name: array.astype(t) for name, array, t in zip(self.inputs, inputs, types, strict=True)}
        with quietly():
            return [np.asarray(result) for result in self._session.run(list(self.outputs), fed)]

    def in_double(self) -> FrozenFunction:
        """The graph with float64 wherever it has float32."""
        changed = type(self.graph_def)()
        changed.CopyFrom(self.graph_def)
        for node in all_nodes(changed):
            for attribute in node.attr.values():
                _to_double(attribute)
        for function in changed.library.function:
            for arg in (*function.signature.input_arg, *function.signature.output_arg):
                arg.type = _double(arg.type)
        return FrozenFunction(changed, self.inputs, self.outputs)

    @cached_property
    def _session(self) -> Any:
        tf = tensorflow()
        from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

        config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
        config.graph_options.rewrite_options.cpu_layout_conversion = RewriterConfig.NCHW_TO_NHWC
        with quietly(), tf.Graph().as_default() as graph:
            tf.graph_util.import_graph_def(self.graph_def, name="")
        return tf.compat.v1.Session(graph=graph, config=config)


def frozen(function: Function) -> FrozenFunction:
    """The function with its variables as constants. Raises what TensorFlow does."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf = tensorflow()
    specs = [tf.TensorSpec(spec.shape, spec.dtype) for spec in function.specs.values()]
    with quietly():
        found = convert_variables_to_constants_v2(traced(function, specs), lower_control_flow=False)
    names = ([tensor.name for tensor in tensors] for tensors in (found.inputs, found.outputs))
    return FrozenFunction(found.graph.as_graph_def(), *names)


def _double(kind: int) -> int:
    types = tensorflow().dtypes
    return int(types.float64.as_datatype_enum) if kind == types.float32.as_datatype_enum else kind


def _to_double(attribute: Any) -> None:
    """Changes an attribute of a node."""
    tf = tensorflow()
    kind = attribute.WhichOneof("value")
    if kind == "type":
        attribute.type = _double(attribute.type)
    elif kind == "list":
        attribute.list.type[:] = [_double(each) for each in attribute.list.type]
    elif kind == "tensor" and attribute.tensor.dtype == tf.float32.as_datatype_enum:
        attribute.tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(attribute.tensor).astype(np.float64)))
