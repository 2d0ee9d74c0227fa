"""What became of one network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

TRANSPOSE = "TRANSPOSE"


@dataclass
class Outcome:
    """Both times run from the process's start to the file, on the clock and on the processor; `peak_mb` is its memory
    until then; all three are 0 where the start was not a cold one. `operators` are the file's.

    `error` is the mean error of the output that comes nearest to its bar, `allowed` that bar; `rounding` tells that
    some output passed only by what PyTorch's own float32 is off its float64. `reason` says why a network was not
    converted or not verified, and is empty where it was.
    """

    date: str = ""
    parameters: int = 0
    converted: bool = False
    verified: bool = False
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    operators: Mapping[str, int] = field(default_factory=dict)
    error: float = 0.0
    allowed: float = 0.0
    rounding: bool = False
    reason: str = ""

    @property
    def transposes(self) -> int:
        return self.operators.get(TRANSPOSE, 0)

    def store(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def stored(path: Path) -> Outcome:
        return Outcome(**json.loads(path.read_text()))
