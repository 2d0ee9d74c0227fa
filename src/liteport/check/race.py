"""race: several models on the same samples as their origin, each compared with it and timed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TypeVar

from liteport.check import TOLERANCE
from liteport.check.compare import Pair, Progress, Verification, match_signatures, results
from liteport.check.runner import Runner
from liteport.check.samples import Samples, Source
from liteport.errors import InputError

_IN_A_ROW = 16  # samples for each model at a time: caches as in steady use, while all see the same machine

T = TypeVar("T")


@dataclass(frozen=True)
class Raced:
    """How far a model is from its origin, and the seconds that an inference takes: the median over the samples of a
    signature, added up over the signatures."""

    verification: Verification
    seconds: float


@dataclass(frozen=True)
class Race:
    """The models by name, and the seconds that an inference of their origin takes."""

    models: Mapping[str, Raced]
    origin: float


def race(
    origin: Runner,
    models: Mapping[str, Sequence[Runner]],
    source: Source,
    *,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> Race:
    """Runs the origin once on every sample, and each model on the same. A model may lie in several files, each with
    some of its signatures. The terms are those of compare(), and so are the errors."""
    pairs = {
        name: [Pair(origin, part, *both, tolerance) for part in parts for both in match_signatures(origin, part)]
        for name, parts in models.items()
    }
    drawn = {
        name: source.samples(name, origin.example(name), origin.trials(name))
        for name in origin.signatures
        if any(pair.signature == name for own in pairs.values() for pair in own)
    }
    if not all(samples.count for samples in drawn.values()):
        raise InputError(f"{source} holds no samples to compare on")
    done = _Done(sum(samples.count for samples in drawn.values()), progress)
    seconds, alone = dict.fromkeys(models, 0.0), 0.0
    for signature, samples in drawn.items():
        lanes = {name: pair for name, own in pairs.items() for pair in own if pair.signature == signature}
        times, own_times = _run(origin, signature, samples, lanes, done)
        alone += median(own_times)
        for name in lanes:
            seconds[name] += median(times[name])
    most = max(samples.count for samples in drawn.values())
    checks = {name: tuple(check for pair in own for check in pair.checks) for name, own in pairs.items()}
    raced = {name: Raced(Verification(checks[name], most, str(source)), seconds[name]) for name in models}
    return Race(raced, alone)


def _run(
    origin: Runner, signature: str, samples: Samples, lanes: Mapping[str, Pair], done: _Done
) -> tuple[dict[str, list[float]], list[float]]:
    """Compares all models on one signature; the seconds of each run of each, and of the origin's."""
    times: dict[str, list[float]] = {name: [] for name in lanes}
    own_times: list[float] = []
    for several in _batches(results(origin, signature, samples), _IN_A_ROW):
        own_times += [expected.seconds for expected in several]
        for name, pair in lanes.items():
            times[name] += [pair.add(expected) for expected in several]
        done.add(len(several))
    for pair in lanes.values():
        pair.judge_again(samples)
    return times, own_times


class _Done:
    """How many of all samples are done, told to `progress`."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._count = 0
        self.add(0)

    def add(self, count: int) -> None:
        self._count += count
        if self._progress:
            self._progress(self._count, self._total)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
