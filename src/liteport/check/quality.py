"""How near a quantised model comes to its origin: the error's strength, and whether the best score stays the best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liteport.check import AGREEMENT
from liteport.ir.types import Array

# The difference of two scores is off by the error of both, and twice that is seldom passed.
_LEAD = 2 * math.sqrt(2)


@dataclass(frozen=True)
class Quality:
    """What an output of a quantised model is judged by.

    `sqnr` is the signal to quantisation noise ratio in dB, 10 log10(sum expected^2 / sum (expected - actual)^2), over
    all samples; it must reach `allowed`. `agreement` is the share of `rows` where the best score is the same, of those
    whose lead is more than the error that is allowed can make up; of integers and bools, the share of elements that
    are equal. Without rows there is none.
    """

    sqnr: float
    allowed: float
    agreement: float
    rows: int

    @property
    def problem(self) -> str:
        """Why the output does not pass; empty where it does."""
        if self.sqnr < self.allowed:
            return f"{self.sqnr:.1f} dB of signal to noise are less than {self.allowed:g} dB"
        if self.rows and self.agreement < AGREEMENT:
            return f"only {self.agreement:.0%} of {self.rows:,} agree, {AGREEMENT:.0%} are needed"
        return ""


class Likeness:
    """Sums over the samples of one output, from which its Quality comes."""

    def __init__(self, allowed: float) -> None:
        self.allowed = allowed
        self.signal = self.noise = 0.0
        self.rows = self.agreeing = 0

    def add(self, expected: Array, actual: Array) -> None:
        """One sample: arrays of one shape and kind."""
        if expected.dtype.kind in "biu":
            self.rows += expected.size
            self.agreeing += int(np.count_nonzero(expected == actual))
            return
        finite = np.isfinite(expected) & np.isfinite(actual)
        wide = np.complex128 if expected.dtype.kind == "c" else np.float64
        want, have = (np.where(finite, side, 0).astype(wide) for side in (expected, actual))
        self.signal += float(np.vdot(want, want).real)
        self.noise += float(np.vdot(want - have, want - have).real)
        if want.ndim == 2 and want.shape[1] > 1 and want.dtype.kind == "f" and want.size:
            self._compare_best(want, have)

    def _compare_best(self, want: Array, have: Array) -> None:
        """Counts the rows of scores [N, classes] whose best one is clear, and those where it is the same."""
        noise = math.sqrt(float(np.mean(want**2))) * 10 ** (-self.allowed / 20)
        first, second = np.sort(want, axis=1)[:, :-3:-1].T
        clear = first - second > _LEAD * noise
        self.rows += int(np.count_nonzero(clear))
        self.agreeing += int(np.count_nonzero(clear & (want.argmax(1) == have.argmax(1))))

    def result(self) -> Quality:
        """The quality so far."""
        agreement = self.agreeing / self.rows if self.rows else 1.0
        return Quality(self._sqnr(), self.allowed, agreement, self.rows)

    def _sqnr(self) -> float:
        if not self.noise:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf
