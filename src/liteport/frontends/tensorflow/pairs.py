"""Complex numbers, which kernels have next to nothing for, as pairs of real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from liteport.errors import UnsupportedError
from liteport.formats.tensorflow.graphs import again, inlined
from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body
from liteport.frontends.tensorflow.ops.complex import ON_PAIRS
from liteport.frontends.tensorflow.written_out import as_it_is, replaced

_OF_KERNELS = ("ComplexAbs", "Identity", "Imag", "RFFT", "RFFT2D", "Real")
_SHOWN = 3


def in_pairs(concrete: Any) -> Any:
    """The function with pairs of real numbers for complex ones; itself where it has none, or kernels for all of them.

    On others TensorFlow's converter may end the process. Raises UnsupportedError where the function takes or gives
    complex numbers, or does more with them than ON_PAIRS knows.
    """
    if not _has_complex(concrete):
        return concrete
    flat = again(concrete, inlined(concrete))
    found = [operation for operation in flat.graph.get_operations() if _is_complex(operation)]
    if all(map(_is_of_a_kernel, found)):
        return concrete
    bodies = {operation.name: _body(operation) for operation in found}
    border = [tensor.op for tensor in (*flat.inputs, *flat.outputs) if tensor.dtype.is_complex]
    if border:
        raise UnsupportedError(
            f"the model takes or gives complex numbers ({_list(border)}), which LiteRT has next to no kernels for: "
            "let it take and give real and imaginary parts (tf.complex, tf.math.real, tf.math.imag)"
        )
    missing = [operation for operation in found if bodies[operation.name] is None]
    if missing:
        raise UnsupportedError(
            f"operators on complex numbers that are not converted: {_list(missing)}. Write them in others, or in real "
            "and imaginary parts (tf.math.real, tf.math.imag)"
        )
    return replaced(concrete, partial(_found, bodies), _type)


def _has_complex(concrete: Any) -> bool:
    tf = tensorflow()
    kinds = {tf.complex64.as_datatype_enum, tf.complex128.as_datatype_enum}
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return any(value.type in kinds for node in nodes for value in node.attr.values())


def _is_complex(operation: Any) -> bool:
    return any(tensor.dtype.is_complex for tensor in (*operation.inputs, *operation.outputs))


def _is_of_a_kernel(operation: Any) -> bool:
    """Whether the converter has a kernel that takes it: transforms have powers of two for lengths."""
    if operation.type not in ("RFFT", "RFFT2D"):
        return operation.type in _OF_KERNELS
    lengths = tensorflow().get_static_value(operation.inputs[1])
    return lengths is not None and not (lengths & (lengths - 1)).any()


def _body(operation: Any) -> Body | None:
    if operation.type not in ON_PAIRS or any(tensor.dtype.name == "complex128" for tensor in operation.inputs):
        return None
    return ON_PAIRS[operation.type](operation)


def _found(bodies: Mapping[str, Body | None], operation: Any) -> Body | None:
    return bodies.get(operation.name)


def _type(tensor: Any) -> Any:
    if not tensor.dtype.is_complex:
        return as_it_is(tensor)
    tf = tensorflow()
    return tf.TensorSpec(tensor.shape.concatenate([2]), tf.float32)


def _list(operations: Sequence[Any]) -> str:
    shown = [f"{operation.type} ({operation.name})" for operation in operations[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(operations) - _SHOWN} more" if len(operations) > _SHOWN else "")
