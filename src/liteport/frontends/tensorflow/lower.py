"""TensorFlow's own converter: a function in, the bytes of a .tflite out, in builtin operators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.function import Function, traced
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.frontends.tensorflow.functions import are_known
from liteport.frontends.tensorflow.pairs import in_pairs
from liteport.frontends.tensorflow.refused import explained, refused
from liteport.frontends.tensorflow.wider import wider
from liteport.frontends.tensorflow.written_out import written_out
from liteport.quiet import without

_EVERYTHING = re.compile(rb".+", re.DOTALL)


def lower(function: Function, specs: Sequence[Any]) -> bytes:
    """The function as a .tflite, for inputs of these types (tf.TensorSpecs, in the order of `function.inputs`).

    The file has one subgraph with inputs and outputs in the function's order, under names of TensorFlow's, and the
    operators of FUNCTIONS (functions.py) as custom ones.
    Raises UnsupportedError with every operator that has no builtin, and LiteportError for what else is refused.
    """
    return _lowered(written_out(in_pairs(traced(function, specs))))


def _lowered(concrete: Any) -> bytes:
    try:
        # What it says on stderr while it fails is in its error too.
        return _converted(concrete)
    except Exception as error:  # what TensorFlow raises has no common base
        found = refused(str(error))
        if are_known(found):
            return _converted(concrete, allow_custom_ops=True)
        other = wider(concrete, found) if found else concrete
        if other is concrete:
            raise explained(error, concrete) from error
    return _lowered(other)


def _converted(concrete: Any, **options: bool) -> bytes:
    converter = tensorflow().lite.TFLiteConverter.from_concrete_functions([concrete])
    for name, value in options.items():
        setattr(converter, name, value)
    with quietly(), without(_EVERYTHING):
        content: bytes = converter.convert()
    return content
