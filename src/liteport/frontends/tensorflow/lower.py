"""TensorFlow's own converter: a function in, the bytes of a .tflite out, in builtin operators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.function import Function, traced
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.frontends.tensorflow.refused import explained
from liteport.frontends.tensorflow.written_out import written_out
from liteport.quiet import without

_EVERYTHING = re.compile(rb".+", re.DOTALL)


def lower(function: Function, specs: Sequence[Any]) -> bytes:
    """The function as a .tflite, for inputs of these types (tf.TensorSpecs, in the order of `function.inputs`).

    The file has one subgraph with inputs and outputs in the function's order, under names of TensorFlow's.
    Raises UnsupportedError with every operator that has no builtin, and LiteportError for what else is refused.
    """
    tf = tensorflow()
    concrete = written_out(traced(function, specs))
    try:
        # What it says on stderr while it fails is in its error too.
        with quietly(), without(_EVERYTHING):
            content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    except Exception as error:  # what TensorFlow raises has no common base
        raise explained(error, concrete) from error
    return content
