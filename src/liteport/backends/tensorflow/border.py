"""What a signature's inputs and outputs are called in TensorFlow, and their types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from liteport.backends.tensorflow.context import type_of
from liteport.ir.graph import Value
from liteport.ir.sizes import Size


def argument_names(names: Sequence[str]) -> list[str]:
    """The names as arguments of a function, none twice: letters, digits and _, the rest as _."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if plain[:1].isalpha() else f"x{plain}"
        number = 0
        unique = plain
        while unique in found:
            number += 1
            unique = f"{plain}_{number}"
        found.append(unique)
    return found


def spec(value: Value, name: str) -> Any:
    """The type of an input: its open dimensions are None."""
    signature = value.extra.get("shape_signature") or value.shape
    shape = [None if isinstance(d, Size) or d == -1 else d for d in signature]
    return tf.TensorSpec(shape, type_of(value.dtype), name)
