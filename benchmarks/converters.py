"""The converters that are compared: the commands that each takes from a network to its file."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Command = list[str]


@dataclass(frozen=True)
class Converter:
    """`steps(network, folder)` are the commands to run in turn, and `file(network, folder)` is what they make."""

    name: str
    version: str
    steps: Callable[[str, Path], list[Command]]
    file: Callable[[str, Path], Path]


def liteport(python: str, *options: str) -> Converter:
    """liteport, with the options of convert() that its driver takes; they are part of its name."""
    return _in_one_step(" ".join(["liteport", *options]), "liteport", python, "benchmarks.drivers.liteport", *options)


def litert_torch(python: str) -> Converter:
    return _in_one_step("litert-torch", "litert-torch", python, "benchmarks.drivers.litert_torch")


def onnx2tf(python: str, export_python: str) -> Converter:
    """onnx2tf by its command line, after an export to ONNX in another environment."""

    def steps(network: str, folder: Path) -> list[Command]:
        onnx = str(folder / f"{network}.onnx")
        export = [export_python, "-m", "benchmarks.drivers.onnx", network, onnx]
        command = str(Path(python).with_name("onnx2tf"))
        return [export, [command, "-i", onnx, "-o", str(folder / network), "-tb", "flatbuffer_direct"]]

    def file(network: str, folder: Path) -> Path:
        return folder / network / f"{network}_float32.tflite"

    return Converter("onnx2tf", _version(python, "onnx2tf"), steps, file)


def pytorch(python: str) -> Converter:
    """No converter: PyTorch's own share of a conversion, and a file with the size of the weights."""
    return _in_one_step("pytorch", "torch", python, "benchmarks.drivers.pytorch")


def _in_one_step(name: str, package: str, python: str, driver: str, *options: str) -> Converter:
    def file(network: str, folder: Path) -> Path:
        return folder / f"{network}.tflite"

    def steps(network: str, folder: Path) -> list[Command]:
        return [[python, "-m", driver, network, str(file(network, folder)), *options]]

    return Converter(name, _version(python, package), steps, file)


def _version(python: str, package: str) -> str:
    """The version of `package` that `python` has installed. Raises SystemExit where it has none."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{python} has no {package}: docs/benchmarks.md says how to set up the peers' environments")
    return found.stdout.strip()


@dataclass(frozen=True)
class Run:
    """One conversion: seconds from the first process's start to the file, and the largest process's peak memory."""

    seconds: float
    peak_mb: float


def convert(converter: Converter, network: str, folder: Path) -> Run:
    """Runs one conversion, each step in a process of its own, with its output in `folder`/NETWORK.log.

    Raises RuntimeError where a step fails or leaves no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    result = converter.file(network, folder)
    result.unlink(missing_ok=True)
    log = folder / f"{network}.log"
    log.unlink(missing_ok=True)
    runs = [_run(step, log) for step in converter.steps(network, folder)]
    if not result.is_file():
        raise RuntimeError(f"{converter.name} left no file for {network}: see {log}")
    return Run(sum(r.seconds for r in runs), max(r.peak_mb for r in runs))


def _run(command: Command, log: Path) -> Run:
    """One process, measured from outside.

    A process inherits the high-water mark of the one that starts it: this one imports nothing large.
    """
    environment = {**os.environ, "PATH": f"{Path(command[0]).parent}:{os.environ['PATH']}"}
    with log.open("ab") as out:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}: see {log}")
    return Run(seconds, usage.ru_maxrss / 1024)
