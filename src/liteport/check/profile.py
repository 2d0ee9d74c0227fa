"""Where the time of a .tflite goes: its operators by time, as LiteRT's own profiler has them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.litert import LiteRT
from liteport.check.native import DELEGATED, OPERATOR, REGION, Event, NativeModel
from liteport.check.outside import reason
from liteport.check.partitions import align, partitions
from liteport.check.samples import Random
from liteport.check.timing import Clock, clock, typical
from liteport.errors import LiteportError, UsageError
from liteport.ir.graph import Graph, Module, Op

SECONDS = 5.0  # spent on runs, where their number is not given
_FEWEST, _MOST = 5, 100

# Operators that call other graphs.
_CALLING = ("WHILE", "IF")

# What an event is counted under: its graph, the partition of the delegate (None: a built-in kernel), its number there.
_Key = tuple[int, int | None, int]


@dataclass(frozen=True)
class OperatorTime:
    """One operator's time in a run, and how many times it is called in it (a loop's body: many times).

    `kernel` is the XNNPACK operator that does it, "built-in" for one of LiteRT's own, or empty where XNNPACK joined
    it to a neighbour. `partition` numbers XNNPACK's partitions of the graph; outside them it is None, and `reason` says
    why. `advice` is the rule that knows a faster form of it, and what to call for that.
    """

    graph: str
    index: int
    operator: str
    output: str
    type: str
    kernel: str
    partition: int | None
    calls: int
    seconds: float
    reason: str = ""
    advice: str = ""


@dataclass(frozen=True)
class KindTime:
    """All operators of one name: how many, and their time together."""

    operator: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """One signature's time. `seconds` is that of a run without the profiler (processor time, with one thread), `spread`
    how far the middle half of those runs is apart, as a share of it. `operators` stand in the file's order.

    Times are means of the middle half of the runs. XNNPACK counts whole microseconds, rounded down. The operators'
    times are no more in all than `seconds`.
    """

    runtime: str
    signature: str
    threads: int
    runs: int
    seconds: float
    spread: float
    partitions: int
    operators: tuple[OperatorTime, ...]

    @property
    def elsewhere(self) -> float:
        """What no operator accounts for: the calls themselves, copies at the border, fractions of microseconds."""
        return max(0.0, self.seconds - sum(each.seconds for each in self.operators))

    @property
    def slowest(self) -> list[OperatorTime]:
        """The operators by time."""
        return sorted(self.operators, key=lambda each: -each.seconds)

    @property
    def kinds(self) -> list[KindTime]:
        """The operators by name, the name that takes most first."""
        counts = Counter(each.operator for each in self.operators)
        spent: dict[str, float] = defaultdict(float)
        for each in self.operators:
            spent[each.operator] += each.seconds
        return sorted((KindTime(k, counts[k], s) for k, s in spent.items()), key=lambda kind: -kind.seconds)

    @property
    def outside(self) -> list[OperatorTime]:
        """The operators that run in built-in kernels, by time."""
        return [each for each in self.slowest if each.partition is None]

    @property
    def left_out(self) -> dict[tuple[str, str], list[OperatorTime]]:
        """The operators outside XNNPACK by name and reason, those that take most first."""
        found: dict[tuple[str, str], list[OperatorTime]] = defaultdict(list)
        for each in self.outside:
            found[each.operator, each.reason].append(each)
        return dict(sorted(found.items(), key=lambda item: -sum(each.seconds for each in item[1])))

    @property
    def advice(self) -> dict[str, list[OperatorTime]]:
        """The operators that a rule knows a faster form of, by the rule, those that take most first."""
        found: dict[str, list[OperatorTime]] = defaultdict(list)
        for each in self.slowest:
            if each.advice:
                found[each.advice].append(each)
        return dict(sorted(found.items(), key=lambda item: -sum(each.seconds for each in item[1])))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "elsewhere": self.elsewhere, "kinds": [asdict(kind) for kind in self.kinds]}


def profile_file(
    path: str | Path,
    module: Module,
    *,
    signature: str | None = None,
    threads: int = 1,
    runs: int | None = None,
    seed: int = 0,
) -> Profile:
    """Runs one signature of the file at `path`, which holds `module`, on random inputs, with the profiler and without
    it in turn. `runs` of each; as many as take 5 seconds (5 to 100) where it is None.

    Raises UsageError for a signature that is not there, LiteportError where LiteRT cannot run it.
    """
    model = LiteRT(path, threads=threads)
    name = _chosen(model, signature)
    inputs = next(iter(Random(1, seed).samples(name, model.example(name))))
    with NativeModel(path, name, threads) as native:
        native.bind(inputs, model.run(inputs, name))
        native.run()  # the first run allocates
        plain, profiled = _measured(native, runs, clock(threads))
    operators, parts = _attributed(module, profiled)
    low, middle, high = np.percentile(plain, (25, 50, 75))
    return Profile(
        runtime=f"ai-edge-litert {version('ai-edge-litert')}",
        signature=name,
        threads=threads,
        runs=len(plain),
        seconds=typical(plain),
        spread=float((high - low) / middle),
        partitions=parts,
        operators=_fitted(operators, typical(plain)),
    )


def _chosen(model: LiteRT, signature: str | None) -> str:
    names = ", ".join(model.signatures)
    if signature is None and len(model.signatures) > 1:
        raise UsageError(f"the model has several signatures, name one: {names}")
    if signature is not None and signature not in model.signatures:
        raise UsageError(f"the model has no signature {signature}: it has {names}")
    return signature or next(iter(model.signatures))


def _measured(native: NativeModel, runs: int | None, now: Clock) -> tuple[list[float], list[list[Event]]]:
    """Seconds of plain runs by the clock `now`, and the profiled ones between them."""
    plain: list[float] = []
    profiled: list[list[Event]] = []
    began = time.perf_counter()

    def enough() -> bool:
        if runs is not None:
            return len(plain) >= runs
        return len(plain) >= _FEWEST and (len(plain) >= _MOST or time.perf_counter() - began > SECONDS)

    while not enough():
        start = now()
        native.run()
        plain.append(now() - start)
        native.start()
        native.run()
        profiled.append(native.stop())
    return plain, profiled


def _counted(events: Sequence[Event]) -> dict[_Key, tuple[str, int, int]]:
    """One run's events by operator: what ran it, how many times, and microseconds in all."""
    found: dict[_Key, tuple[str, int, int]] = {}
    for event, partition, elapsed in _own_times(events):
        key = (event.graph, partition, event.index)
        _, calls, total = found.get(key, ("", 0, 0))
        found[key] = (event.tag, calls + 1, total + elapsed)
    return found


def _own_times(events: Sequence[Event]) -> Iterator[tuple[Event, int | None, int]]:
    """Each operator's event with the number of the delegate's partition, and its time without the graphs it calls."""
    inside = _called(events)
    partition: dict[int, int] = {}  # of each graph's present run
    before: dict[int, int] = {}  # the kind of the event before, by graph
    for number, event in enumerate(events):
        if event.is_run:
            partition[event.graph], before[event.graph] = -1, REGION
        elif event.kind == OPERATOR:
            before[event.graph] = OPERATOR
            yield event, None, max(0, event.elapsed - inside[number])
        elif event.kind == DELEGATED:
            partition[event.graph] += before[event.graph] != DELEGATED
            before[event.graph] = DELEGATED
            yield event, partition[event.graph], event.elapsed


def _called(events: Sequence[Event]) -> Counter[int]:
    """How long the graphs ran that an operator called (a loop's, a branch's), by the number of its event."""
    times: Counter[int] = Counter()
    callers: list[int | None] = []  # the last operator of each graph that is running
    for number, event in enumerate(events):
        if event.is_run:
            if callers and (caller := callers[-1]) is not None:
                times[caller] += event.elapsed
            callers.append(None)
        elif event.is_end:
            callers.pop()
        elif event.kind == OPERATOR:
            callers[-1] = number
    return times


def _attributed(module: Module, runs: Sequence[list[Event]]) -> tuple[list[OperatorTime], int]:
    """Every operator of the graphs that ran, with its time; and how many partitions the delegate has in all."""
    counted = [_counted(events) for events in runs]
    times = {key: typical([run.get(key, ("", 0, 0))[2] * 1e-6 for run in counted]) for key in counted[0]}
    found: list[OperatorTime] = []
    parts = 0
    for number in dict.fromkeys(event.graph for event in runs[0] if event.is_run):
        mine = {key[1:]: (*counted[0][key][:2], times[key]) for key in times if key[0] == number}
        rows, here = _rows(module.graphs[number], mine)
        found += rows
        parts += here
    return found, parts


def _fitted(operators: Sequence[OperatorTime], seconds: float) -> tuple[OperatorTime, ...]:
    """The operators' times, no more in all than a run takes without the profiler.

    What there is too much is the profiler's own time around the graphs that loops and branches call, and beyond that
    the time of other processes, which its clock counts too.
    """
    calling = sum(each.seconds for each in operators if each.operator in _CALLING)
    rest = sum(each.seconds for each in operators) - calling
    left = max(0.0, min(calling, seconds - rest))
    shares = left / calling if calling else 1.0, min(1.0, (seconds - left) / rest) if rest else 1.0
    return tuple(replace(each, seconds=each.seconds * shares[each.operator not in _CALLING]) for each in operators)


def _rows(
    graph: Graph, times: Mapping[tuple[int | None, int], tuple[str, int, float]]
) -> tuple[list[OperatorTime], int]:
    """A graph's operators in order. `times` has what ran each, calls and seconds, by partition and number in it."""
    outside = {index for partition, index in times if partition is None}
    parts = [part.operators for part in partitions(graph, outside) if part.delegated]
    kernels = [sorted(index for place, index in times if place == part) for part in range(len(parts))]
    if any(not each for each in kernels) or len(parts) != len({place for place, _ in times if place is not None}):
        raise LiteportError(f"LiteRT's partitions of graph {graph.name} are not what they should be")
    rows = {index: _row(graph, index, None, [times[None, index]], "built-in") for index in outside}
    for part, (numbers, indices) in enumerate(zip(parts, kernels, strict=True)):
        tags = [times[part, index][0] for index in indices]
        for number, mine in zip(numbers, align([graph.ops[n] for n in numbers], tags), strict=True):
            rows[number] = _row(graph, number, part, [times[part, indices[at]] for at in mine])
    return [rows[number] for number in sorted(rows)], len(parts)


def _row(
    graph: Graph, index: int, partition: int | None, spent: Sequence[tuple[str, int, float]], kernel: str | None = None
) -> OperatorTime:
    op = graph.ops[index]
    return OperatorTime(
        graph=graph.name,
        index=index,
        operator=_name(op),
        output=op.output.name if op.outputs else "",
        type=str(op.output.type) if op.outputs else "",
        kernel=kernel if kernel is not None else " + ".join(tag for tag, _, _ in spent),
        partition=partition,
        calls=max((calls for _, calls, _ in spent), default=0),
        seconds=sum(seconds for _, _, seconds in spent),
        reason="" if partition is not None else reason(op),
    )


def _name(op: Op) -> str:
    return getattr(op.operator, "custom_code", "") or op.name
