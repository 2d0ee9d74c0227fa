"""Measures the candidates of a tuning kit on this machine, and writes a record that liteport decides by.

    python run.py                      # writes record.json beside this file
    python run.py --threads 2 --seconds 120 -o phone.json

Beside this file stand manifest.json and the .tflite files that it names. Needs Python 3.9, NumPy, and ai_edge_litert,
tflite_runtime or TensorFlow; nothing of liteport.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from operator import truediv
from typing import Any

import numpy as np

FORMAT, VERSION = "liteport tuning record", 1

# A measurement is as many runs in a row as take so many milliseconds, at most as many, after one that is not counted.
_BURST, _MOST_RUNS = 4.0, 20
# The candidates are loaded so many times, another one first each time: where a model comes to lie in memory is worth
# up to five hundredths.
_LOADINGS = 3
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 40  # in each
# A candidate this much slower than the best is not measured any further.
_HOPELESS = 1.3

Times = dict[str, list[float]]


class RuntimeFailure(Exception):
    """No runtime is installed, or it cannot run a candidate."""


def measure(
    models: Mapping[str, str | bytes],
    threads: int = 1,
    seconds: float = 2.0,
) -> Times:
    """Milliseconds a run of each candidate, [typical, spread], measured in turns for so many seconds at most.

    What counts is how long it takes beside the fastest in the same round: the typical time is the median of that over
    rounds, and then over loadings; the spread is half of what the loadings span. With one thread it is processor time,
    so that what other processes take away does not count. A candidate that the runtime cannot run is left out. Raises
    RuntimeFailure where it can run none.
    """
    now = time.thread_time if threads == 1 else time.perf_counter
    going, loadings = list(models), []
    for loading in range(_LOADINGS):
        first = loading % len(going)
        order = going[first:] + going[:first]
        loadings.append(_rounds(_loaded({name: models[name] for name in order}, threads), now, seconds / _LOADINGS))
        going = _hopeful(loadings[-1], going)
        if len(going) < 2:
            break
    return _summary(loadings, [name for name in models if name in loadings[0]])


def _rounds(loaded: Mapping[str, Any], now: Callable[[], float], seconds: float) -> Times:
    """The times of each candidate, one a round, for so many seconds; fewer of those without hope."""
    runs = {name: _warm(model, now) for name, model in loaded.items()}
    found: Times = {name: [] for name in loaded}
    going, end = list(loaded), time.perf_counter() + seconds
    for turn in range(_MOST_ROUNDS):
        first = turn % len(going)
        for name in going[first:] + going[:first]:
            found[name].append(_burst(loaded[name], runs[name], now))
        if turn + 1 >= _FEWEST_ROUNDS:
            going = _hopeful(found, going)
            if len(going) < 2 or time.perf_counter() > end:
                break
    return found


def _loaded(models: Mapping[str, str | bytes], threads: int) -> dict[str, Any]:
    """The candidates that run. Raises RuntimeFailure where there are none."""
    loaded: dict[str, Any] = {}
    failures: list[RuntimeFailure] = []
    for name, model in models.items():
        try:
            loaded[name] = open_model(model, threads)
        except RuntimeFailure as failure:
            failures.append(failure)
    if failures and not loaded:
        raise failures[0]
    return loaded


def _warm(model: Any, now: Callable[[], float]) -> int:
    """How many runs of a model make a measurement."""
    start = now()
    model.invoke()
    took = (now() - start) * 1e3
    return int(max(1, min(_MOST_RUNS, _BURST / max(took, 1e-3))))


def _burst(model: Any, runs: int, now: Callable[[], float]) -> float:
    model.invoke()
    start = now()
    for _ in range(runs):
        model.invoke()
    return (now() - start) * 1e3 / runs


def _hopeful(found: Times, going: Sequence[str]) -> list[str]:
    """The candidates that may yet be the best."""
    typical = {name: statistics.median(found[name]) for name in going if name in found}
    return [name for name in typical if typical[name] < min(typical.values()) * _HOPELESS]


def _summary(loadings: Sequence[Times], names: Sequence[str]) -> Times:
    best = min(loadings[-1], key=lambda name: statistics.median(loadings[-1][name]))
    its = statistics.median(each for times in loadings for each in times[best])
    found = {}
    for name in names:
        ratios = [statistics.median(map(truediv, times[name], times[best])) for times in loadings if name in times]
        found[name] = [its * statistics.median(ratios), its * (max(ratios) - min(ratios)) / 2]
    return found


def open_model(model: str | bytes, threads: int) -> Any:
    """The interpreter of a file or its bytes, with random inputs in it, run once. Raises RuntimeFailure."""
    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    try:
        interpreter = _runtime().Interpreter(num_threads=threads, **source)
        interpreter.allocate_tensors()
        rng = np.random.default_rng(0)
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], _random(rng, detail))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise RuntimeFailure(f"cannot run {'a candidate' if isinstance(model, bytes) else model}: {error}") from error
    return interpreter


def _random(rng: Any, detail: Mapping[str, Any]) -> Any:
    """Standard-normal numbers, zeros and ones in integers and bools."""
    floats = np.dtype(detail["dtype"]).kind == "f"
    drawn = rng.standard_normal(detail["shape"]) if floats else rng.integers(0, 2, detail["shape"])
    return drawn.astype(detail["dtype"])


_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")


def _runtime() -> Any:
    for name in _RUNTIMES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise RuntimeFailure("no runtime: pip install ai-edge-litert (or tflite-runtime, or tensorflow)")


def runtime() -> str:
    """The runtime's name and version. Raises RuntimeFailure where there is none."""
    package = _runtime().__name__.split(".")[0]
    distribution = package.replace("_", "-")
    try:
        from importlib.metadata import version

        return f"{distribution} {version(distribution)}"
    except ImportError:
        return f"{distribution} {getattr(import_module(package), '__version__', '')}".strip()


def device() -> str:
    """What this machine is: processor, architecture and system."""
    return ", ".join(part for part in (_processor(), platform.machine(), platform.system()) if part)


def _processor() -> str:
    model = _android("ro.product.model")
    if model:
        return model
    names = ("model name", "Hardware", "Model")
    try:
        with open("/proc/cpuinfo") as lines:
            found = dict(reversed([line.split(":", 1) for line in lines if ":" in line]))
    except OSError:
        return platform.processor()
    known = {key.strip(): value.strip() for key, value in found.items()}
    return next((known[name] for name in names if name in known), platform.processor())


def _android(name: str) -> str:
    if not os.path.exists("/system/bin/getprop"):
        return ""
    return subprocess.run(["getprop", name], capture_output=True, text=True, check=False).stdout.strip()


def record(sites: Sequence[Mapping[str, Any]], threads: int) -> dict[str, Any]:
    """What is written to a record: sites have a "rule", a "key" and "milliseconds" by form."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "device": device(),
        "runtime": runtime(),
        "threads": threads,
        "sites": list(sites),
    }


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default=os.path.join(here, "record.json"), help="the record to write")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime (1)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each place at most (2)")
    asked = parser.parse_args()
    with open(os.path.join(here, "manifest.json")) as file:
        sites = json.load(file)["sites"]
    print(f"{len(sites)} places on {device()}, {runtime()}, {asked.threads} thread(s)")
    measured = [_measured(here, site, asked, f"{number}/{len(sites)}") for number, site in enumerate(sites, 1)]
    with open(asked.output, "w") as file:
        json.dump(record(measured, asked.threads), file, indent=1)
    print(f"{asked.output}: give it to liteport convert --tune-from")


def _measured(here: str, site: Mapping[str, Any], asked: Any, progress: str) -> dict[str, Any]:
    files = {form: os.path.join(here, name) for form, name in site["files"].items()}
    times = measure(files, asked.threads, asked.seconds)
    shown = ", ".join(f"{form} {typical:.3f} ms" for form, (typical, _) in times.items())
    print(f"{progress} {site['rule']}: {shown}", flush=True)
    return {"rule": site["rule"], "key": site["key"], "milliseconds": times}


if __name__ == "__main__":
    try:
        main()
    except RuntimeFailure as error:
        sys.exit(f"error: {error}")
