"""Runs networks one after the other, each from a cold start in a process of its own, and keeps what became of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from benchmarks.converters import ROOT
from benchmarks.coverage.outcome import Outcome

# What a conversion would import by and by; torchvision before all that import it.
_HEAVY = ("examples.support.torchvision_cpu", "liteport.frontends.torch.entries", "liteport.passes.pipeline")


@dataclass(frozen=True)
class Runner:
    """`folder` holds an outcome per network, by suite; `timeout` is in seconds; `samples` are verified on.

    With `warm` the processes are forked from this one, packages loaded: quicker where only the verdict matters.
    """

    folder: Path
    timeout: float = 300.0
    samples: int = 2
    keep: bool = False
    warm: bool = False

    def path(self, suite: str, name: str) -> Path:
        return self.folder / suite / f"{name}.json"

    def outcome(self, suite: str, name: str) -> Outcome | None:
        """What is stored of an earlier run."""
        path = self.path(suite, name)
        return Outcome.stored(path) if path.is_file() else None

    def run(self, suite: str, name: str) -> Outcome:
        """Converts and verifies one network; a process that does not end well is an outcome too."""
        path = self.path(suite, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        why = self._fork(suite, name) if self.warm else self._run(suite, name)
        outcome = Outcome.stored(path) if path.is_file() else Outcome()
        if why:
            outcome.reason = why
            outcome.store(path)
        if not self.keep:
            path.with_suffix(".tflite").unlink(missing_ok=True)
        return outcome

    def _run(self, suite: str, name: str) -> str:
        """Why the process did not end well, or nothing."""
        folder = self.folder / suite
        arguments = [suite, name, str(folder), str(self.samples), str(time.monotonic())]
        with (folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "benchmarks.coverage.one", *arguments]
            try:
                done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=self.timeout, check=False)
            except subprocess.TimeoutExpired:
                return self._late
        return _ending(done.returncode)

    def _fork(self, suite: str, name: str) -> str:
        """As _run, in a process that starts warm."""
        from benchmarks.coverage.one import convert_and_verify

        for package in (*_HEAVY, suite):
            import_module(package)
        arguments = (suite, name, self.folder / suite, self.samples)
        process = get_context("fork").Process(target=convert_and_verify, args=arguments)
        process.start()
        process.join(self.timeout)
        if process.is_alive():
            process.kill()
            process.join()
            return self._late
        return _ending(process.exitcode or 0)

    @property
    def _late(self) -> str:
        return f"not done after {self.timeout:.0f} s"


def _ending(code: int) -> str:
    """What is wrong with an exit code, or nothing."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}" if code else ""
