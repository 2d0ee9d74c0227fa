"""How long models take, side by side: in turns, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from liteport.errors import LiteportError
from liteport.ir.types import Array

_BURST = 5  # in a row, the first untimed: caches as in steady use


Clock = Callable[[], float]


def clock(threads: int) -> Clock:
    """What to read before and after a run on so many threads: seconds.

    With one thread it is the processor's time, in which what other processes take away does not count.
    """
    fine = time.get_clock_info("thread_time").resolution < 1e-6
    return time.thread_time if threads == 1 and fine else time.perf_counter


def typical(values: Sequence[float]) -> float:
    """The mean of the middle half: as steady as a median, and finer where the clock is coarse."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    return float(np.mean(ordered[cut : len(ordered) - cut]))


def race(
    models: Mapping[str, str | Path | bytes],
    inputs: Sequence[Array],
    *,
    seconds: float = 1.0,
    rounds: int = 10,
    threads: int = 1,
) -> dict[str, list[float]]:
    """Milliseconds that each .tflite takes for its primary graph on the same inputs, in the file's order.

    There are as many rounds as fit into `seconds`, at least `rounds`; each takes the median of a few runs in a row,
    and begins with another model than the one before. Medians over rounds are what to compare. See clock().
    Raises LiteportError where LiteRT refuses a file or fails.
    """
    loaded = {name: _loaded(model, inputs, threads) for name, model in models.items()}
    names, times = list(models), {name: list[float]() for name in models}
    now, end = clock(threads), time.perf_counter() + seconds
    turn = 0
    while turn < rounds or time.perf_counter() < end:
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(_burst(loaded[name], now))
        turn += 1
    return times


def _loaded(model: str | Path | bytes, inputs: Sequence[Array], threads: int) -> Any:
    """The interpreter with its inputs set, run once."""
    source: dict[str, Any] = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    try:
        interpreter = Interpreter(**source, num_threads=threads)
        interpreter.allocate_tensors()
        for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise LiteportError(f"LiteRT cannot run the model: {error}") from error
    return interpreter


def _burst(interpreter: Any, now: Clock) -> float:
    interpreter.invoke()
    return median(_timed(interpreter, now) for _ in range(_BURST - 1))


def _timed(interpreter: Any, now: Clock) -> float:
    start = now()
    interpreter.invoke()
    return (now() - start) * 1e3
