"""Files of one network, scored side by side: error against PyTorch, operators, latency.

python -m benchmarks.score NETWORK SAMPLES NAME=FILE... prints JSON: {name: {metric: number}}. Without samples there is
no error among it: the files need not have the weights that the network is built with here.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch.utils import _pytree as pytree

from benchmarks.contents import operators
from benchmarks.models import NETWORKS
from benchmarks.network import Network
from liteport.check.timing import clock

Array = np.ndarray[Any, Any]

SECONDS = 5.0  # of timed inference per file
LOADS = 3  # where in memory a file comes to lie takes a hundredth or two: all are loaded anew, another one first
BURST = 5  # inferences in a row, the first untimed: caches as in steady use, while the files still take turns


class File:
    """A .tflite whose tensors are in whatever order, of tensors and of dimensions, its converter chose."""

    def __init__(self, path: Path) -> None:
        self.interpreter = Interpreter(str(path), num_threads=1)
        self.interpreter.allocate_tensors()

    def feed(self, inputs: Sequence[Array]) -> None:
        """Each of the file's inputs takes the first of `inputs` that is left and fits it."""
        left = list(inputs)
        for detail in self.interpreter.get_input_details():
            shape, dtype = tuple(detail["shape"]), np.dtype(detail["dtype"])
            fitting = (i for i, x in enumerate(left) if fits(x, shape) and x.dtype.kind == dtype.kind)
            array = left.pop(next(fitting))
            self.interpreter.set_tensor(detail["index"], permuted(array, shape).astype(dtype))

    def errors(self, inputs: Sequence[Array], expected: Sequence[Array]) -> list[float]:
        """The mean absolute error of each expected output: that of the file's output which is nearest to it."""
        self.feed(inputs)
        self.interpreter.invoke()
        outputs = [self.interpreter.get_tensor(detail["index"]) for detail in self.interpreter.get_output_details()]
        return [min(_error(got, want) for got in outputs if fits(got, want.shape)) for want in expected]

    def burst(self) -> float:
        """Milliseconds of one inference: the median of a few in a row."""
        self.interpreter.invoke()
        return median(self._timed() for _ in range(BURST - 1))

    def _timed(self) -> float:
        now = clock(threads=1)
        start = now()
        self.interpreter.invoke()
        return (now() - start) * 1e3


def fits(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether some order of the dimensions of `array` gives `shape`."""
    return sorted(array.shape) == sorted(shape)


def _error(got: Array, want: Array) -> float:
    return float(np.abs(permuted(got, want.shape).astype(np.float64) - want).mean())


def permuted(array: Array, shape: tuple[int, ...]) -> Array:
    """`array` with its dimensions in the order that gives `shape`; channels moved last or first are tried first."""
    if array.shape == shape:
        return array
    moved = [(0, *range(2, array.ndim), 1), (0, array.ndim - 1, *range(1, array.ndim - 1))]
    for order in (*moved, *itertools.permutations(range(array.ndim))):
        if tuple(array.shape[d] for d in order) == shape:
            return np.ascontiguousarray(array.transpose(order))
    raise ValueError(f"no order of the dimensions of {array.shape} gives {shape}")


def errors(network: Network, files: dict[str, File], samples: int) -> dict[str, float]:
    """The mean absolute difference from PyTorch's outputs over `samples` inputs, of the output where it is largest."""
    module = network.build()
    totals: dict[str, list[float]] = {name: [] for name in files}
    for seed in range(1, samples + 1):
        args, kwargs = network.example(seed)
        with torch.no_grad():
            results = pytree.tree_leaves(module(*args, **kwargs))
        expected = [leaf.numpy() for leaf in results]
        inputs = [leaf.numpy() for leaf in pytree.tree_leaves((args, dict(kwargs)))]
        for name, file in files.items():
            totals[name].append(max(file.errors(inputs, expected)))
    return {name: sum(each) / samples for name, each in totals.items()}


def latencies(paths: dict[str, Path], inputs: Sequence[Array]) -> dict[str, list[float]]:
    """Milliseconds per inference on one thread, in bursts that take turns, so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in paths}
    for load in range(LOADS):
        files = {name: File(paths[name]) for name in rotated(list(paths), load * len(paths) // LOADS)}
        for file in files.values():
            file.feed(inputs)
        warm = max(file.burst() for file in files.values())
        for turn in range(max(2, round(SECONDS * 1e3 / (warm * BURST * LOADS)))):
            for name in rotated(list(files), turn):
                times[name].append(files[name].burst())
    return times


def rotated(names: list[str], places: int) -> list[str]:
    """The names from the one at `places` on, and those before it last."""
    at = places % len(names)
    return names[at:] + names[:at]


def paired_ratio(ours: list[float], theirs: list[float]) -> float:
    """How many times `theirs` we take: the median over rounds, so that a slow moment cancels out."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def score(network: str, samples: int, paths: dict[str, Path]) -> dict[str, dict[str, float]]:
    """All metrics of all files; `ratio` is the first file's latency over this one's."""
    error = errors(NETWORKS[network], {name: File(path) for name, path in paths.items()}, samples) if samples else {}
    times = latencies(paths, [leaf.numpy() for leaf in pytree.tree_leaves(NETWORKS[network].example(1))])
    first = next(iter(times.values()))
    scores = {}
    for name, path in paths.items():
        found = operators(path)
        scores[name] = {
            "operators": found.total(),
            "transposes": found["TRANSPOSE"],
            "latency_ms": median(times[name]),
            "ratio": paired_ratio(first, times[name]),
            "file_mb": path.stat().st_size / 1e6,
        }
    for name, number in error.items():
        scores[name]["error"] = number
    return scores


if __name__ == "__main__":
    named = (argument.partition("=") for argument in sys.argv[3:])
    print(json.dumps(score(sys.argv[1], int(sys.argv[2]), {name: Path(path) for name, _, path in named})))
