"""What users say of dimensions that may have another size than in the example.

"batch"                             dimension 0 of every input
"0=batch,1=sequence"                of every input that has it
"x:0=batch,x:2=height,x:3=width"    of an input by name
"batch:1..16"                       with its range
"x:2=height:32..640/32"             in steps: multiples of 32
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from liteport.errors import UsageError

_DIMENSION = re.compile(
    r"(?:(?:(?P<input>[^\W\d][\w.]*):)?(?P<axis>\d+)=)?(?P<name>[^\W\d]\w*)(?::(?P<low>\d+)\.\.(?P<high>\d+)?)?"
    r"(?:/(?P<step>[1-9]\d*))?"
)


@dataclass(frozen=True)
class Dimension:
    """A dynamic dimension: of the input so called, or of every input; its name, range, and what it is a multiple of.

    Without an axis it is what the model itself calls so, or else dimension 0.
    """

    input: str | None
    given_axis: int | None
    name: str
    low: int | None = None
    high: int | None = None
    step: int = 1

    @property
    def axis(self) -> int:
        return self.given_axis or 0


def parse(spec: str | Sequence[str]) -> list[Dimension]:
    """The dimensions that a specification in text, or several, name. Raises UsageError."""
    found = []
    texts = [spec] if isinstance(spec, str) else spec
    for part in (part for text in texts for part in text.split(",")):
        match = _DIMENSION.fullmatch(part.strip())
        if match is None:
            raise UsageError(
                f"--dynamic (dynamic=) {part.strip()!r} is not a dimension such as batch, 1=sequence, ids:1=sequence "
                "or x:2=height:32..640/32 (input, axis, name, range and step)"
            )
        low, high = (int(n) if n else None for n in (match["low"], match["high"]))
        axis = None if match["axis"] is None else int(match["axis"])
        found.append(Dimension(match["input"], axis, match["name"], low, high, int(match["step"] or 1)))
    return found


def is_text(spec: Any) -> bool:
    """Whether it is a specification in text, or several."""
    return isinstance(spec, str) or (
        isinstance(spec, list | tuple) and bool(spec) and all(isinstance(s, str) for s in spec)
    )
