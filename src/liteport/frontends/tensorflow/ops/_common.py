"""What the tables of operators are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow

Body = Callable[..., Any]
Write = Callable[[Any, Sequence[Any]], Body | None]
"""From a node and the tensors that it takes to a function of these that does the same; None where it cannot be said,
or the operator is converted as it is."""
Table = Mapping[str, Write]
"""By TensorFlow's names of the operators."""


def always(body: Body) -> Write:
    """The Write of an operator without attributes that count."""
    return lambda operation, inputs: body


def sizes(x: Any) -> list[Any]:
    """The sizes of a tensor: numbers where they are known, else tensors."""
    shape = tensorflow().shape(x)
    return [shape[axis] if size is None else size for axis, size in enumerate(x.shape.as_list())]


def known(tensor: Any) -> Any:
    """The numbers of a constant, else None."""
    return tensorflow().get_static_value(tensor)


def like(operation: Any, tensors: Sequence[Any], types: Mapping[int, int]) -> list[Any]:
    """What the operator of `operation` gives of these tensors, its types being those that `types` gives for them
    (tf.DType.as_datatype_enum)."""
    tf = tensorflow()
    graph = tf.compat.v1.GraphDef()
    node = graph.node.add()
    node.op, node.name = operation.type, "node"
    names = [f"input_{number}" for number in range(len(tensors))]
    node.input.extend(names)
    for name, value in operation.node_def.attr.items():
        if not name.startswith("_"):
            node.attr[name].CopyFrom(value)
            _retype(node.attr[name], types)
    results = [f"node:{number}" for number in range(len(operation.outputs))]
    given = dict(zip(names, tensors, strict=True))
    return list(tf.graph_util.import_graph_def(graph, input_map=given, return_elements=results, name=""))


def _retype(attribute: Any, types: Mapping[int, int]) -> None:
    if attribute.HasField("type"):
        attribute.type = types.get(attribute.type, attribute.type)
    elif attribute.HasField("list"):
        attribute.list.type[:] = [types.get(each, each) for each in attribute.list.type]
