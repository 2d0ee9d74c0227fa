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
    plain = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in names]
    return unique([name if name[:1].isalpha() else f"x{name}" for name in plain])


def unique(names: Sequence[str]) -> list[str]:
    """The names, later ones of a kind with a number: TensorFlow tells no capitals from small letters."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        numbered = (name if not n else f"{name}_{n}" for n in range(len(names)))
        found.append(next(each for each in numbered if each.lower() not in taken))
        taken.add(found[-1].lower())
    return found


def spec(value: Value, name: str) -> Any:
    """The type of an input: its open dimensions are None."""
    signature = value.extra.get("shape_signature") or value.shape
    shape = [None if isinstance(d, Size) or d == -1 else d for d in signature]
    return tf.TensorSpec(shape, type_of(value.dtype), name)
