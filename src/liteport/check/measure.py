"""How far one output is from what it should be: running sums over samples, and the bar that they are held to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from liteport.check import BELIEVABLE, MOST_STEPS, NUDGES, PARTS, ROUNDINGS, TOLERANCE
from liteport.check.quality import Likeness, Quality
from liteport.ir.types import Array, DType, TensorType

_CHUNK = 1 << 20


@dataclass(frozen=True)
class OutputCheck:
    """One output, compared over all samples. Errors are absolute, on the elements that are finite in both.

    `relative_error` is the worst error over the largest |expected|. `differing` counts elements that
    are not equal, of integers and bools; of floats those where only one side is finite, or where NaNs and
    infinities do not agree. `rounding` is the mean error of the reference's own float32 result against its float64
    result, where that had to be measured; of a quantised output, by how much nudged inputs move it. `step` is how far
    the numbers of an output that hangs on quantised ones lie apart, 0 for others, and `within` the share of elements
    that are off by one step at most. `quality` is what an output of a model that liteport quantised is judged by.
    `problem` is empty where the output matches: by its quality, where it has one, else integers and bools exactly,
    floats and quantised numbers with a mean error below `bar`.
    """

    signature: str
    name: str
    type: str
    elements: int
    mean_error: float
    worst_error: float
    relative_error: float
    cosine: float
    differing: int
    bar: float
    rounding: float
    problem: str
    step: float = 0.0
    within: float = 1.0
    quality: Quality | None = None

    @property
    def passed(self) -> bool:
        return not self.problem

    @property
    def is_rounding(self) -> bool:
        """Whether it passes for being as near as float32 allows: its error is above the tolerance."""
        return self.passed and self.rounding > 0

    @property
    def is_empty(self) -> bool:
        """Whether it had no elements in any sample: it passes, and nothing of it was compared."""
        return self.passed and not self.elements

    @property
    def remark(self) -> str:
        """What there is to say of it beside the numbers, if anything."""
        if self.is_empty:
            return "empty in every sample: nothing was compared"
        if self.passed and self.quality:
            return f"ok: quantised, {self.quality.sqnr:.1f} dB of signal to noise"
        if self.passed and self.step:
            nudged = f", nudged inputs move it by {self.rounding / self.step:.2g}" if self.rounding else ""
            return f"ok: quantised, {100 * self.within:.4g} % within a step of {self.step:.2g}{nudged}"
        return f"ok: float32 itself is off by {self.rounding:.1e}" if self.is_rounding else self.problem

    @property
    def is_exact(self) -> bool:
        """Whether the output must agree to the last bit: integers and bools."""
        return self.bar == 0

    @property
    def figures(self) -> dict[str, str]:
        """The numbers of a table's row, by the titles of their columns."""
        if self.quality is not None:
            judged = {"SQNR": f"{self.quality.sqnr:.1f} dB", "allowed": f"{self.quality.allowed:g} dB"}
            agreement = {"agree": f"{self.quality.agreement:.1%}" if self.quality.rows else "-"}
        else:
            judged = {"mean error": _short(self.mean_error), "allowed": _short(self.bar)}
            agreement = {"cosine": f"{self.cosine:.7f}"}
        found = judged | {"worst": _short(self.worst_error), "of scale": _short(self.relative_error)} | agreement
        return dict.fromkeys(found, "-") if self.is_empty else found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; what cannot be measured is None."""
        return {**_plain(asdict(self)), "passed": self.passed}


class Tally:
    """Sums over the samples of one output; nothing of a sample is kept."""

    def __init__(
        self,
        signature: str,
        name: str,
        tolerance: float = TOLERANCE,
        step: float | None = None,
        sqnr: float | None = None,
    ) -> None:
        """`sqnr` in dB is what an output of a quantised model is held to, in place of the tolerance."""
        self.likeness = None if sqnr is None else Likeness(sqnr)
        self.signature = signature
        self.name = name
        self.tolerance = tolerance
        self.own_step = step
        self.low, self.high, self.beyond = math.inf, -math.inf, 0
        self.type: TensorType | None = None
        self.problem = ""
        self.rounding = 0.0
        self.elements = self.finite = self.differing = 0
        self.error = self.worst = self.size = self.peak = 0.0
        self.products = np.zeros(3)  # sums of expected², actual² and expected * actual

    def add(self, expected: Array, actual: Array) -> None:
        """One sample."""
        self.type = self.type or TensorType(DType.of(expected), expected.shape)
        if expected.shape != actual.shape:
            self.problem = f"shape {list(actual.shape)} instead of {list(expected.shape)}"
            return
        if family(expected) != family(actual):
            self.problem = f"{actual.dtype.name} instead of {expected.dtype.name}"
            return
        if self.likeness is not None:
            self.likeness.add(expected, actual)
        for want, have in _chunks(expected, actual):
            self._add(want, have)

    def _add(self, want: Array, have: Array) -> None:
        self.elements += want.size
        if self._is_exact:
            self.differing += int(np.count_nonzero(want != have))
        wide = np.complex128 if want.dtype.kind == "c" else np.float64
        want, have = want.astype(wide), have.astype(wide)
        finite = np.isfinite(want) & np.isfinite(have)
        if not finite.all():
            odd_want, odd_have = want[~finite], have[~finite]
            agree = (odd_want == odd_have) | (np.isnan(odd_want) & np.isnan(odd_have))
            self.differing += int(np.count_nonzero(~agree))
            want, have = want[finite], have[finite]
        if not want.size:
            return
        error, size = np.abs(want - have), np.abs(want)
        if self.own_step is not None:
            self.low, self.high = min(self.low, float(want.min())), max(self.high, float(want.max()))
            self.beyond += int(np.count_nonzero(error > 1.001 * self.step))
        self.finite += want.size
        self.error += float(error.sum())
        self.worst = max(self.worst, float(error.max()))
        self.size += float(size.sum())
        self.peak = max(self.peak, float(size.max()))
        self.products += [float(np.vdot(a, b).real) for a, b in ((want, want), (have, have), (want, have))]

    def result(self) -> OutputCheck:
        """The comparison so far."""
        mean, bar = self.mean, self._bar()
        return OutputCheck(
            signature=self.signature,
            name=self.name,
            type=str(self.type),
            elements=self.elements,
            mean_error=mean,
            worst_error=self.worst if self.finite else math.nan,
            relative_error=self._relative(),
            cosine=self._cosine(),
            differing=self.differing,
            bar=bar,
            rounding=self.rounding,
            problem=self.problem or self._verdict(mean, bar),
            step=self.step,
            within=1 - self.beyond / max(1, self.finite),
            quality=None if self.likeness is None else self.likeness.result(),
        )

    @property
    def step(self) -> float:
        """How far quantised numbers lie apart: their own step, or a part of the range of what is computed from them."""
        if self.own_step is None:
            return 0.0
        return self.own_step or max(0.0, self.high - self.low) / PARTS

    @property
    def mean(self) -> float:
        """The mean error so far; NaN where nothing finite was compared."""
        return self.error / self.finite if self.finite else math.nan

    @property
    def may_be_rounding(self) -> bool:
        """Whether it is only the mean error that misses its bar."""
        bar = self._bar()
        wrong = self.problem or self.differing or self._is_exact or self.likeness
        return not wrong and self.mean >= bar

    def accept(self, rounding: float) -> None:
        """Raises the bar to what rounding allows, `rounding` being the reference's own mean error against float64, or
        what nudged inputs move it by."""
        self.rounding = rounding

    @property
    def _is_exact(self) -> bool:
        """Whether elements must be equal: integers and bools, unless they are quantised numbers."""
        return self.own_step is None and self.type is not None and self.type.dtype.numpy.kind in "biu"

    def _bar(self) -> float:
        if self._is_exact:
            return 0.0
        plain = self.tolerance * max(1.0, self.size / max(1, self.finite))
        if self.own_step is not None:
            nudged = self.rounding if self.rounding <= MOST_STEPS * self.step else 0.0
            return max(plain, self.step, NUDGES * nudged)
        believed = self.rounding <= BELIEVABLE * plain
        return max(plain, ROUNDINGS * self.rounding) if believed else plain

    def _verdict(self, mean: float, bar: float) -> str:
        if self.likeness is not None and self._is_exact:
            return self.likeness.result().problem
        if self.differing and self._is_exact:
            return f"{self.differing:,} of {self.elements:,} elements differ"
        if self.differing:
            return f"NaN or infinite on one side only, {self.differing:,} of {self.elements:,} elements"
        if self.elements and not self.finite:
            return "nothing finite to compare: give real inputs (--data)"
        if self.likeness is not None:
            return self.likeness.result().problem
        if self._is_exact or not mean >= bar:
            return ""
        if self.own_step is not None:
            return f"mean error {mean:.2g} is not below {bar:.2g}, its step being {self.step:.2g}"
        why = f" (float32 itself is off by {self.rounding:.2g}: these weights blow rounding up)"
        return f"mean error {mean:.2g} is not below {bar:.2g}{why if self.rounding >= bar else ''}"

    def _relative(self) -> float:
        if not self.finite:
            return math.nan
        if self.peak:
            return self.worst / self.peak
        return math.inf if self.worst else 0.0

    def _cosine(self) -> float:
        expected, actual, product = self.products
        if not expected or not actual:
            return math.nan if not self.finite else float(expected == actual)
        return float(np.clip(product / math.sqrt(expected) / math.sqrt(actual), -1.0, 1.0))


def family(array: Array) -> str:
    """Types that may stand for each other: integers of any width, floats of any."""
    kind: str = array.dtype.kind
    return "i" if kind == "u" else kind


def _short(error: float) -> str:
    return f"{error:.1e}" if error else "0"


def _plain(value: Any) -> Any:
    """What a field holds, without numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _chunks(expected: Array, actual: Array) -> Iterator[tuple[Array, Array]]:
    flat, other = expected.reshape(-1), actual.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        yield flat[start : start + _CHUNK], other[start : start + _CHUNK]
