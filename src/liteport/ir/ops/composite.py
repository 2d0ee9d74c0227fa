"""Composites: operators that passes want to see whole. TFLite has none of them; the pass decompose writes them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from liteport.ir.ops.base import FLOAT, DTypes, Unary


@dataclass(frozen=True)
class Erf(Unary):
    """The error function, of which GELU is made."""

    name: ClassVar[str] = "ERF"
    dtypes: ClassVar[DTypes] = FLOAT
