"""TensorFlow's own converter: a function in, the bytes of a .tflite out, in builtin operators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from liteport.errors import LiteportError
from liteport.formats.tensorflow.function import Function
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.frontends.tensorflow.refused import explained
from liteport.quiet import without

_EVERYTHING = re.compile(rb".+", re.DOTALL)


def lower(function: Function, specs: Sequence[Any]) -> bytes:
    """The function as a .tflite, for inputs of these types (tf.TensorSpecs, in the order of `function.inputs`).

    The file has one subgraph with inputs and outputs in the function's order, under names of TensorFlow's.
    Raises UnsupportedError with every operator that has no builtin, and LiteportError for what else is refused.
    """
    tf = tensorflow()
    concrete = _flat(function, specs)
    try:
        # What it says on stderr while it fails is in its error too.
        with quietly(), without(_EVERYTHING):
            content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    except Exception as error:  # what TensorFlow raises has no common base
        raise explained(error, concrete) from error
    return content


def _flat(function: Function, specs: Sequence[Any]) -> Any:
    """The function as one of its inputs in order, with these types, that returns its outputs in order."""
    tf = tensorflow()
    places = list(function.inputs.values())

    def call(*tensors: Any) -> list[Any]:
        given = [tensor for _, tensor in sorted(zip(places, tensors, strict=True), key=lambda pair: pair[0])]
        results = function.body(given)
        return [tf.identity(results[place]) for place in function.outputs.values()]

    try:
        with quietly():
            return tf.function(call, autograph=False).get_concrete_function(*specs)
    except Exception as error:  # as above
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        shapes = ", ".join(f"{name} {spec.shape}" for name, spec in zip(function.inputs, specs, strict=True))
        raise LiteportError(f"the model does not take inputs of these shapes ({shapes}): {first}") from error
