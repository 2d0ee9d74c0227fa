"""compare: two models on the same inputs, output by output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liteport.check import NUDGE, SQNR, TOLERANCE
from liteport.check.measure import OutputCheck, Tally, family
from liteport.check.real import Real, Stored
from liteport.check.runner import Marked, Resting, Runner, Stepped
from liteport.check.samples import Inputs, Samples, Source
from liteport.errors import InputError, VerificationError
from liteport.ir.types import Array, DType, Shape, TensorType

_SHOWN = 3
_AT_ONCE = 1 << 26  # bytes of inputs and outputs that are kept

Names = dict[str, str]
Progress = Callable[[int, int], None]
"""Told the number of samples that are done, and of all."""


@dataclass(frozen=True)
class Verification:
    """A comparison of two models: one OutputCheck per output, over `samples` samples of `data` per signature."""

    outputs: tuple[OutputCheck, ...]
    samples: int
    data: str

    @property
    def passed(self) -> bool:
        return all(output.passed for output in self.outputs)

    @property
    def summary(self) -> str:
        """Whether it passed, and on what."""
        many = f"{self.samples} sample{'s' * (self.samples != 1)} of {self.data}"
        return f"{'passed' if self.passed else 'FAILED'} on {many}"

    def require(self) -> Verification:
        """Itself. Raises VerificationError, which says which outputs do not match, unless all do."""
        failed = [output for output in self.outputs if not output.passed]
        if failed:
            what = "; ".join(f"{_label(output, self.outputs)}: {output.problem}" for output in failed[:_SHOWN])
            what += f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
            count = f"{len(failed)} of {len(self.outputs)} outputs do" if len(self.outputs) > 1 else "the output does"
            raise VerificationError(f"{count} not match the origin's: {what}", self)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        outputs = [output.to_dict() for output in self.outputs]
        return {"passed": self.passed, "samples": self.samples, "data": self.data, "outputs": outputs}

    def __str__(self) -> str:
        head = ("output", *(self.outputs[0].figures if self.outputs else ()), "")
        named = [(_label(output, self.outputs), output) for output in self.outputs]
        rows = [head, *((name, *output.figures.values(), output.remark or "ok") for name, output in named)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for name, *numbers, verdict in rows:
            cells = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *cells, verdict]).rstrip())
        return "\n".join([*lines, self.summary])


def _label(output: OutputCheck, outputs: tuple[OutputCheck, ...]) -> str:
    """The output's name, led by its signature's where there are several."""
    several = len({other.signature for other in outputs}) > 1
    return f"{output.signature}/{output.name}" if several else output.name


def compare(
    reference: Runner,
    candidate: Runner,
    source: Source,
    *,
    tolerance: float = TOLERANCE,
    sqnr: float | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Runs both models on every sample and compares what they give: floats pass with a mean absolute error below
    tolerance * max(1, mean |output|), or below a few times the reference's own rounding error (see check.ROUNDINGS).
    A candidate that liteport quantised is held to its quality instead: `sqnr` in dB, or what check.SQNR has for it.

    Signatures, inputs and outputs are matched by name, or else by position (a lone signature with a
    lone one; inputs and outputs where their shapes agree). Signatures that only one of them has are left out, if
    the other has no such. Raises InputError where the models do not take the same inputs.
    """
    pairs = [Pair(reference, candidate, *names, tolerance, sqnr) for names in match_signatures(reference, candidate)]
    drawn = [source.samples(pair.signature, pair.example, reference.trials(pair.signature)) for pair in pairs]
    if not all(samples.count for samples in drawn):
        raise InputError(f"{source} holds no samples to compare on")
    report = progress or (lambda done, total: None)
    total, done = sum(samples.count for samples in drawn), 0
    report(done, total)
    for pair, samples in zip(pairs, drawn, strict=True):
        for expected in results(reference, pair.signature, samples):
            pair.add(expected)
            done += 1
            report(done, total)
        pair.judge_again(samples)
    outputs = tuple(output for pair in pairs for output in pair.checks)
    return Verification(outputs, max(samples.count for samples in drawn), str(source))


@dataclass(frozen=True)
class Expected:
    """A sample, what the reference gives for it, and how many seconds that took."""

    inputs: Inputs
    outputs: Mapping[str, Array]
    seconds: float


def results(reference: Runner, signature: str, samples: Samples) -> Iterator[Expected]:
    """What the reference gives for the samples: for many at once, where they are small, so that it can rest while
    others run."""
    kept: list[Expected] = []
    size = 0
    for inputs in samples:
        start = time.perf_counter()
        outputs = reference.run(inputs, signature)
        kept.append(Expected(inputs, outputs, time.perf_counter() - start))
        size += sum(array.nbytes for array in [*inputs.values(), *outputs.values()])
        if size > _AT_ONCE:
            yield from kept
            kept, size = [], 0
    if isinstance(reference, Resting):
        reference.rest()
    yield from kept


def merged(parts: Sequence[Verification]) -> Verification:
    """Verifications of several files, on the same data, as one."""
    outputs = tuple(output for part in parts for output in part.outputs)
    return Verification(outputs, max(part.samples for part in parts), parts[0].data)


def _sqnr(reference: Runner, candidate: Runner) -> float | None:
    """What the candidate's outputs are held to, where it was quantised and the reference was not."""
    ours, theirs = (side.quantised if isinstance(side, Marked) else "" for side in (reference, candidate))
    return SQNR.get(theirs) if ours != theirs else None


class Pair:
    """A signature of the reference beside the candidate's, and what was measured so far. Raises InputError where they
    do not take the same inputs."""

    def __init__(
        self,
        reference: Runner,
        candidate: Runner,
        signature: str,
        twin: str,
        tolerance: float,
        sqnr: float | None = None,
    ) -> None:
        self.tolerance = tolerance
        self.sqnr = _sqnr(reference, candidate) if sqnr is None else sqnr
        if self.sqnr is not None and isinstance(candidate, Stored):
            candidate = Real(candidate)
        self.reference = reference
        self.candidate = candidate
        self.signature = signature
        self.twin = twin
        self.example = reference.example(signature)
        self.fed = candidate.example(twin)
        self.inputs = match_inputs(self.example, self.fed, candidate.shapes(twin))
        self.outputs: Names = {}
        self.tallies: dict[str, Tally] = {}

    @property
    def checks(self) -> list[OutputCheck]:
        """The comparison of each output so far."""
        return [tally.result() for tally in self.tallies.values()]

    def add(self, expected: Expected) -> float:
        """Runs the candidate on one sample; the seconds that its run took."""
        given, wanted = expected.inputs, expected.outputs
        fed = {twin: given[name].astype(self.fed[twin].dtype, copy=False) for name, twin in self.inputs.items()}
        start = time.perf_counter()
        actual = self.candidate.run(fed, self.twin)
        seconds = time.perf_counter() - start
        if not self.tallies:
            self.outputs = match_outputs(wanted, actual)
            steps = self._steps()
            self.tallies = {
                name: Tally(self.signature, name, self.tolerance, steps.get(name), self.sqnr) for name in wanted
            }
        for name, tally in self.tallies.items():
            tally.add(wanted[name], actual[self.outputs[name]])
        return seconds

    def _steps(self) -> dict[str, float]:
        """The steps of quantised outputs, by the reference's names.

        Two files of one kind run on the same kernels: they must agree as others do.
        """
        theirs = self.candidate.steps(self.twin) if isinstance(self.candidate, Stepped) else {}
        ours = self.reference.steps(self.signature) if isinstance(self.reference, Stepped) else {}
        if self.sqnr is not None or type(self.candidate) is type(self.reference):
            return {}
        return dict(ours) | {name: theirs[twin] for name, twin in self.outputs.items() if twin in theirs}

    def judge_again(self, samples: Samples) -> None:
        """Outputs that miss their bar are held to what rounding allows: by how much the reference is off its own
        float64 result, where it has one, and where an output is quantised, by how much nudged inputs move it."""
        missed = [tally for tally in self.tallies.values() if tally.may_be_rounding]
        self._measure([t for t in missed if t.own_step is None], samples, self.reference.run_in_double)
        self._measure([t for t in missed if t.own_step is not None], samples, self._run_nudged)

    def _measure(self, missed: Sequence[Tally], samples: Samples, again: Callable[..., Any]) -> None:
        """Tells the tallies how far the reference's results are, in the mean, from what it gives when run `again`."""
        own = {tally.name: Tally(self.signature, tally.name) for tally in missed}
        for inputs in samples if missed else ():
            other = again(inputs, self.signature)
            if other is None:
                return
            plain = self.reference.run(inputs, self.signature)
            for name, tally in own.items():
                tally.add(other[name], plain[name])
        for tally in missed:
            tally.accept(own[tally.name].mean)

    def _run_nudged(self, inputs: Inputs, signature: str) -> Mapping[str, Array]:
        """The reference on inputs whose floats are off by about a thousandth."""
        rng = np.random.default_rng(0)
        nudged = {
            name: (array * (1 + NUDGE * rng.standard_normal(array.shape))).astype(array.dtype)
            if array.dtype.kind == "f"
            else array
            for name, array in inputs.items()
        }
        return self.reference.run(nudged, signature)


def match_signatures(reference: Runner, candidate: Runner) -> list[tuple[str, str]]:
    """Pairs of signatures: lone ones, else those of one name; one model may have more of them. Raises InputError."""
    ours, theirs = list(reference.signatures), list(candidate.signatures)
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    common = [name for name in ours if name in theirs]
    if common and len(common) in (len(ours), len(theirs)):
        return [(name, name) for name in common]
    raise InputError(
        f"the models have different signatures: {', '.join(ours)} against {', '.join(theirs)}; "
        "give the entry points the names of the file's signatures"
    )


def match_inputs(ours: Mapping[str, Array], theirs: Mapping[str, Array], shapes: Mapping[str, Shape]) -> Names:
    """The candidate's name for each input: the same, or that at the same position; `shapes` are those it takes.

    Raises InputError.
    """
    names = dict(zip(ours, ours if set(ours) == set(theirs) else theirs, strict=False))
    if len(ours) == len(theirs) and all(_fits(ours[name], theirs[twin], shapes[twin]) for name, twin in names.items()):
        return names
    raise InputError(f"the models take different inputs: {_listed(ours)} against {_listed(theirs)}")


def match_outputs(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> Names:
    """The candidate's name for each output: the same, else that at the same position, else the only one of the shape.

    Raises VerificationError where that leaves any without a partner.
    """
    if set(ours) == set(theirs):
        return {name: name for name in ours}
    in_order = dict(zip(ours, theirs, strict=False))
    if len(ours) == len(theirs) and all(ours[name].shape == theirs[twin].shape for name, twin in in_order.items()):
        return in_order
    by_shape = {array.shape: twin for twin, array in theirs.items()}
    if len(ours) == len(theirs) == len(by_shape) and {array.shape for array in ours.values()} == set(by_shape):
        return {name: by_shape[array.shape] for name, array in ours.items()}
    raise VerificationError(f"the models give different outputs: {_listed(ours)} against {_listed(theirs)}")


def _fits(array: Array, like: Array, shape: Shape) -> bool:
    """Whether one's values can be fed to the other: its sizes, and integers with integers, floats with floats."""
    sizes = array.ndim == len(shape) and all(want in (-1, d) for d, want in zip(array.shape, shape, strict=True))
    return sizes and family(array) == family(like)


def _listed(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{name} {TensorType(DType.of(a), a.shape)}" for name, a in arrays.items()) or "none"
