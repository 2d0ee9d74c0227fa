"""Runs cases, each in a process of its own that may crash or hang without taking the rest along."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import ml_dtypes
import numpy as np

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.errors import LiteportError
from liteport.frontends.onnx.inputs import declared
from liteport.frontends.onnx.model import SIGNATURE, OnnxModel
from liteport.frontends.onnx.source import read
from liteport.frontends.onnx.tensors import carried
from liteport.ir.inputs import resolve
from liteport.passes.pipeline import optimise
from tests.conformance_onnx.cases import Case

SECONDS = 60.0

# Workers are forks: everything is imported once.
_FORK = multiprocessing.get_context("fork")


class Status(Enum):
    PASSED = "passed"
    FIXED = "fixed"  # with operands that decide shapes, which the case has as inputs, fixed to their values
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    status: Status
    reason: str = ""


def run(case: Case) -> Outcome:
    """The case as it stands; where it does not convert so, with its parameters fixed."""
    outcome = _tried(case, {})
    for parameters in (_parameters(case, 1), _parameters(case, 0)):
        refused = outcome.reason.startswith(("UnsupportedError", "InvalidGraphError"))
        if outcome.status is Status.FAILED and refused and parameters:
            again = _tried(case, parameters)
            outcome = Outcome(Status.FIXED, ", ".join(parameters)) if again.status is Status.PASSED else again
    return outcome


def _parameters(case: Case, first: int) -> dict[str, Any]:
    """Inputs from number `first` on, but not all, that are numbers or lists of such: axes, sizes, repeats, bounds.

    Number 0 is only one where it holds integers.
    """
    graph = case.model.graph
    constants = {t.name for t in graph.initializer}
    infos = [i for i in graph.input if i.name not in constants]
    short = {}
    for place, (info, value) in enumerate(zip(infos, case.data[0][0], strict=False)):
        if isinstance(value, np.ndarray | np.generic) and np.ndim(value) < 2 and (place or value.dtype.kind in "iu"):
            short[info.name] = np.asarray(value).tolist()
    chosen = {info.name: short[info.name] for info in infos[first:] if info.name in short}
    return chosen if len(chosen) < len(infos) else {}


def _tried(case: Case, fixed: Mapping[str, Any]) -> Outcome:
    try:
        file = read(case.model)
        graph = file.proto.graph
        names = [i.name for i in declared(graph)]
        given = dict(zip(names, case.data[0][0], strict=True))
        ready = OnnxModel(file, resolve(declared(graph), (), {**_examples(given), **fixed}))
        ir = ready.to_ir()
        optimise(ir, evaluate)
        runner = LiteRT(to_bytes(ir), threads=1)
        for inputs, outputs in case.data:
            fed = {n: carried(np.asarray(v)) for n, v in zip(names, inputs, strict=True) if n not in fixed}
            results = runner.run(fed, SIGNATURE)
            for info, expected in zip(graph.output, outputs, strict=True):
                _compare(info.name, results[info.name], np.asarray(expected), case)
    except LiteportError as error:
        return Outcome(Status.FAILED, f"{type(error).__name__}: {error}")
    except Exception as error:
        return Outcome(Status.FAILED, f"{type(error).__name__}: {error}".splitlines()[0])
    return Outcome(Status.PASSED)


def _examples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: carried(np.asarray(value)) for name, value in given.items()}


def _compare(name: str, actual: Any, expected: Any, case: Case) -> None:
    """As the standard's own runner compares, but results that have few digits to the precision that these have."""
    is_float = expected.dtype.kind == "f" or expected.dtype.name == "bfloat16"
    rtol = max(case.rtol, float(ml_dtypes.finfo(expected.dtype).eps)) if is_float else case.rtol
    expected = carried(expected)
    if actual.shape != expected.shape:
        raise AssertionError(f"{name} has shape {actual.shape}, not {expected.shape}")
    if actual.dtype != expected.dtype:
        raise AssertionError(f"{name} is {actual.dtype}, not {expected.dtype}")
    if not np.allclose(actual, expected, rtol, case.atol, equal_nan=True):
        worst = np.nanmax(np.abs(actual.astype(np.float64) - expected.astype(np.float64)))
        raise AssertionError(f"{name} differs by {worst:.3g}")


def run_all(cases: Sequence[Case], jobs: int = 2) -> Iterator[tuple[Case, Outcome]]:
    """Runs the cases in `jobs` processes at a time; each with its outcome as soon as that is there."""
    waiting = list(reversed(cases))
    running: dict[Connection, tuple[Case, BaseProcess, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            case = waiting.pop()
            here, there = _FORK.Pipe()
            process = _FORK.Process(target=_work, args=(there, case), daemon=True)
            process.start()
            there.close()
            running[here] = (case, process, time.monotonic() + SECONDS)
        ready = wait(list(running), timeout=1.0)
        for pipe, (case, process, deadline) in list(running.items()):
            if pipe in ready or time.monotonic() > deadline:
                yield case, _ended(pipe, process, pipe in ready)
                del running[pipe]


def _ended(pipe: Connection, process: BaseProcess, ready: bool) -> Outcome:
    if not ready:
        process.kill()
        return Outcome(Status.FAILED, f"no result after {SECONDS:.0f} seconds")
    try:
        outcome: Outcome = pipe.recv()
    except (EOFError, ConnectionError):
        process.join()
        return Outcome(Status.FAILED, f"the process ended with exit code {process.exitcode}")
    process.join()
    return outcome


def _work(pipe: Connection, case: Case) -> None:
    pipe.send(run(case))
