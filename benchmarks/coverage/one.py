"""Converts and verifies one network, in this process.

python -m benchmarks.coverage.one SUITE NETWORK FOLDER SAMPLES START

START is the monotonic time at which the process was started. The outcome is in FOLDER/NETWORK.json, as far as it has
come: whoever ends this process still learns that the network was converted.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import date
from pathlib import Path

import liteport
from benchmarks.coverage.outcome import Outcome
from benchmarks.coverage.suites import table
from examples.support.weights import settled, uneven

_EXAMPLES = 8  # inputs behind the batch-norm statistics
_LONGEST = 2000  # characters of a reason


def convert_and_verify(suite: str, name: str, folder: Path, samples: int, start: float | None = None) -> None:
    """Leaves the file, and its outcome beside it; without `start` time and memory are not measured."""
    outcome = Outcome(date=date.today().isoformat())
    try:
        _convert_and_verify(suite, name, folder, samples, start, outcome)
    except Exception as error:  # whatever a network, PyTorch or liteport raises is the outcome
        outcome.reason = f"{type(error).__name__}: {error}"[:_LONGEST]
    outcome.store(folder / f"{name}.json")


def _convert_and_verify(
    suite: str, name: str, folder: Path, samples: int, start: float | None, outcome: Outcome
) -> None:
    network = table(suite)[name]
    module = uneven(network.build())
    examples = [network.example(seed) for seed in range(_EXAMPLES)]
    settled(module, examples)
    outcome.parameters = sum(p.numel() for p in module.parameters())
    args, kwargs = examples[0]
    model = liteport.convert(module, args, kwargs=kwargs)
    model.save(folder / f"{name}.tflite")
    if start is not None:
        outcome.seconds, outcome.cpu_seconds = time.monotonic() - start, time.process_time()
        outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outcome.operators = model.inspect().operators
    outcome.converted, outcome.reason = True, "interrupted before it was verified"
    outcome.store(folder / f"{name}.json")
    verification = model.verify(samples)
    nearest = max(verification.outputs, key=lambda output: output.mean_error / output.bar if output.bar else 0.0)
    outcome.error, outcome.allowed = nearest.mean_error, nearest.bar
    outcome.rounding = any(output.is_rounding for output in verification.outputs)
    verification.require()
    outcome.verified, outcome.reason = True, ""


if __name__ == "__main__":
    suite, name, folder, samples, start = sys.argv[1:]
    convert_and_verify(suite, name, Path(folder), int(samples), float(start))
