"""Files of one network, scored side by side: error against PyTorch, operators, latency.

python -m benchmarks.score NETWORK SAMPLES NAME=FILE... prints JSON: {name: {metric: number}}.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks.models import NETWORKS, Network

SECONDS = 5.0  # of timed inference per file
BURST = 5  # inferences in a row, the first untimed: caches as in steady use, while the files still take turns

BUILTINS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def operators(file: Path) -> Counter[str]:
    """The operators of a .tflite by name, read with LiteRT's own schema."""
    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    indices = [g.Operators(i).OpcodeIndex() for g in graphs for i in range(g.OperatorsLength())]
    codes = [model.OperatorCodes(i) for i in indices]
    return Counter(BUILTINS[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())] for c in codes)


class File:
    """A .tflite with one image in and one tensor out, in whatever order of dimensions its converter chose."""

    def __init__(self, path: Path) -> None:
        self.interpreter = Interpreter(str(path), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def feed(self, image: NDArray[np.float32]) -> None:
        self.interpreter.set_tensor(self.input["index"], permuted(image, tuple(self.input["shape"])))

    def __call__(self, image: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The output for `image`, brought to `shape`."""
        self.feed(image)
        self.interpreter.invoke()
        return permuted(self.interpreter.get_tensor(self.output["index"]), shape)

    def burst(self) -> float:
        """Milliseconds of one inference: the median of a few in a row."""
        self.interpreter.invoke()
        return median(self._timed() for _ in range(BURST - 1))

    def _timed(self) -> float:
        start = time.perf_counter()
        self.interpreter.invoke()
        return (time.perf_counter() - start) * 1e3


def permuted(array: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`array` with its dimensions in the order that gives `shape`; channels moved last or first are tried first."""
    if array.shape == shape:
        return array
    moved = [(0, *range(2, array.ndim), 1), (0, array.ndim - 1, *range(1, array.ndim - 1))]
    for order in (*moved, *itertools.permutations(range(array.ndim))):
        if tuple(array.shape[d] for d in order) == shape:
            return np.ascontiguousarray(array.transpose(order))
    raise ValueError(f"no order of the dimensions of {array.shape} gives {shape}")


def errors(network: Network, files: dict[str, File], samples: int) -> dict[str, float]:
    """The mean absolute difference from PyTorch's outputs over `samples` inputs."""
    module = network.build()
    totals = dict.fromkeys(files, 0.0)
    for image in network.samples(samples, seed=1):
        with torch.no_grad():
            expected = module(image).numpy()
        for name, file in files.items():
            got = file(image.numpy(), expected.shape)
            totals[name] += float(np.abs(got.astype(np.float64) - expected).mean())
    return {name: total / samples for name, total in totals.items()}


def latencies(files: dict[str, File]) -> dict[str, list[float]]:
    """Milliseconds per inference on one thread, in bursts that take turns, so that all see the same machine."""
    warm = max(file.burst() for file in files.values())
    rounds = max(10, round(SECONDS * 1e3 / (warm * BURST)))
    names = list(files)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(files[name].burst())
    return times


def paired_ratio(ours: list[float], theirs: list[float]) -> float:
    """How many times `theirs` we take: the median over rounds, so that a slow moment cancels out."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def score(network: str, samples: int, paths: dict[str, Path]) -> dict[str, dict[str, float]]:
    """All metrics of all files; `ratio` is the first file's latency over this one's."""
    files = {name: File(path) for name, path in paths.items()}
    error = errors(NETWORKS[network], files, samples)
    times = latencies(files)
    first = next(iter(times.values()))
    scores = {}
    for name, path in paths.items():
        found = operators(path)
        scores[name] = {
            "operators": found.total(),
            "transposes": found["TRANSPOSE"],
            "error": error[name],
            "latency_ms": median(times[name]),
            "ratio": paired_ratio(first, times[name]),
            "file_mb": path.stat().st_size / 1e6,
        }
    return scores


if __name__ == "__main__":
    named = (argument.partition("=") for argument in sys.argv[3:])
    print(json.dumps(score(sys.argv[1], int(sys.argv[2]), {name: Path(path) for name, _, path in named})))
