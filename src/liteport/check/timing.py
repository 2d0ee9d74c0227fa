"""How long models take, side by side: in turns, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from liteport.errors import LiteportError
from liteport.ir.types import Array

_BURST = 5  # in a row, the first untimed: caches as in steady use


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
    and begins with another model than the one before. Medians over rounds are what to compare.
    Raises LiteportError where LiteRT refuses a file or fails.
    """
    loaded = {name: _loaded(model, inputs, threads) for name, model in models.items()}
    names, times = list(models), {name: list[float]() for name in models}
    end = perf_counter() + seconds
    turn = 0
    while turn < rounds or perf_counter() < end:
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(_burst(loaded[name]))
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


def _burst(interpreter: Any) -> float:
    interpreter.invoke()
    return median(_timed(interpreter) for _ in range(_BURST - 1))


def _timed(interpreter: Any) -> float:
    start = perf_counter()
    interpreter.invoke()
    return (perf_counter() - start) * 1e3
