"""stages(): a model in every format of the chain .onnx, SavedModel, .pb, .tflite, each compared with its origin."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from liteport import api
from liteport.border import Choices
from liteport.check import TOLERANCE
from liteport.check.compare import Verification
from liteport.check.race import Raced, race
from liteport.check.runner import Runner
from liteport.check.samples import Source
from liteport.errors import InputError, LiteportError, UnsupportedError, UsageError
from liteport.model import LiteModel, Progress, counting, report, samples_of
from liteport.origins import is_onnx, is_tensorflow, is_tflite
from liteport.output import parts, size_of, staged
from liteport.targets import kind_of
from liteport.to_onnx import OnnxFiles

SAMPLES = 1000
COLUMNS = ("stage", "mean error", "worst", "of scale", "written, s", "MB", "a run, ms")
_ERRORS = ("mean_error", "worst_error", "relative_error")


@dataclass(frozen=True)
class Stage:
    """A format: its files and their bytes, the seconds that writing them and one inference take, and how far it is from
    the origin. `problem` says why it is not there, where it is not."""

    kind: str
    files: tuple[Path, ...] = ()
    size: int = 0
    seconds: float = 0.0
    inference: float = 0.0
    verification: Verification | None = None
    problem: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """Text for the columns of COLUMNS: the errors are those of the output that is furthest off."""
        took = (f"{self.seconds:.1f}", f"{self.size / 1e6:.2f}" if self.files else "-")
        if self.verification is None:
            return (self.kind, "-", "-", "-", *took, "-")
        checks = self.verification.outputs
        worst = [max(getattr(check, name) for check in checks) for name in _ERRORS]
        return (self.kind, *(f"{error:.2e}" for error in worst), *took, f"{self.inference * 1e3:.1f}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        checked = self.verification.to_dict() if self.verification else None
        return {**vars(self), "files": [str(file) for file in self.files], "verification": checked}


@dataclass(frozen=True)
class Stages:
    """All formats. The conversion that they have in common, from the model to its graph, took `seconds`; an inference
    of the origin takes `inference` seconds."""

    stages: tuple[Stage, ...]
    seconds: float
    inference: float
    samples: str
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not any(stage.problem for stage in self.stages)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The origin's, with the seconds from the model to its graph, and one for each stage: see COLUMNS."""
        own = ("origin", "", "", "", f"{self.seconds:.1f}", "", f"{self.inference * 1e3:.1f}")
        return [own, *(stage.row for stage in self.stages)]

    @property
    def markdown(self) -> str:
        """The table, on what it was measured, and what failed, as a page."""
        lines = [COLUMNS, ("---",) + ("---:",) * (len(COLUMNS) - 1), *self.rows]
        table = [f"| {' | '.join(line)} |" for line in lines]
        told = [f"{stage.kind}: {stage.problem}" for stage in self.stages if stage.problem]
        return "\n".join([*table, "", f"Compared on {self.samples}.", *told, ""])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        listed = {"stages": [stage.to_dict() for stage in self.stages], "notes": list(self.notes)}
        return {**vars(self), **listed, "passed": self.passed}


def stages(
    model: Any,
    folder: str | Path,
    inputs: Any = None,
    *,
    kinds: Sequence[str] | None = None,
    samples: int | None = None,
    data: str | Path | Source | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
    **options: Any,
) -> Stages:
    """Writes a model to `folder` in every format, and compares each with the model on the same samples.

    `model`, `inputs` and `options` are those of convert(); `samples` (1000), `data`, `seed` and `tolerance` those of
    LiteModel.verify(). `kinds` are some of FORMATS (all, and "onnx" only from PyTorch). The files are called like the
    model, m.onnx, m_saved, m.pb and m.tflite; of several entry points each has an .onnx and a .pb of its own.

    Beside them m.stages.json and m.stages.md have what was measured.

    A format that cannot be written, or does not match, is left out, and its Stage says why. The others are put in place
    together at the end; where anything else goes wrong, what was there before stays.
    Raises UsageError for another kind, InputError for a folder that cannot be, UnsupportedError where no stage can be
    written, and what convert() raises.
    """
    chosen = _chosen(model, kinds)
    source = samples_of(SAMPLES if samples is None and data is None else samples, data, seed)
    target, stem = _made(Path(folder)), _stem(model)
    start = time.perf_counter()
    converted = api.convert(model, inputs, progress=progress, **options)
    seconds = time.perf_counter() - start
    if converted.origin is None:
        raise UsageError("a model without an origin has nothing to be compared with")
    works = [_Work(kind, converted) for kind in chosen]
    report(progress, "write")
    with staged({target / work.format.name.format(stem): work.write for work in works}) as written:
        runners = {work.kind: work.opened() for work in works if work.written}
        if not runners:
            raise UnsupportedError(f"no stage can be written: {works[0].stage.problem}")
        told = counting("compare", progress)
        found = race(converted.origin, runners, source, tolerance=tolerance, progress=told)
        for work in works:
            work.judge(found.models.get(work.kind), target)
        most = max(each.verification.samples for each in found.models.values())
        compared_on = f"{most} samples of {source}"
        result = Stages(tuple(work.stage for work in works), seconds, found.origin, compared_on, converted.notes)
        workshop = next(iter(written.values())).parent
        (workshop / f"{stem}.stages.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n")
        (workshop / f"{stem}.stages.md").write_text(result.markdown)
    return result


@dataclass(frozen=True)
class Format:
    """How a stage is written and run. `name` has {} for the model's own; `write` writes it there, or to several files
    beside it, and gives their paths; `open` runs one of them, of the signature's name where it has but one."""

    name: str
    write: Callable[[LiteModel, Path], Sequence[Path]]
    open: Callable[[Path, str], Runner]


def _write_onnx(model: LiteModel, path: Path) -> Sequence[Path]:
    origin: Any = model.origin
    files = OnnxFiles.of(origin, path, Choices(), separate=len(model.signatures) > 1)
    for place, write in files.writers.items():
        write(place)
    return list(files.writers)


def _open_onnx(path: Path, signature: str) -> Runner:
    from liteport.check.onnx_runtime import OnnxRuntime

    return OnnxRuntime(path, signature=signature)


def _save(model: LiteModel, path: Path) -> Sequence[Path]:
    several = path.suffix == ".pb" and len(model.signatures) > 1  # a frozen graph has one
    return [file for file in model.save(path, separate=several).files if file.suffix == path.suffix]


def _open(path: Path, signature: str) -> Runner:
    return kind_of(path).open(path)


FORMATS = {
    "onnx": Format("{}.onnx", _write_onnx, _open_onnx),
    "savedmodel": Format("{}_saved", _save, _open),
    "pb": Format("{}.pb", _save, _open),
    "tflite": Format("{}.tflite", _save, _open),
}
"""In the chain's order."""


class _Work:
    """A stage in the making."""

    def __init__(self, kind: str, model: LiteModel) -> None:
        self.kind = kind
        self.format = FORMATS[kind]
        self.model = model
        self.stage = Stage(kind)
        self.written: Sequence[Path] = []

    def write(self, path: Path) -> None:
        """Writes the stage; what keeps it from being written stands in `stage` then."""
        start = time.perf_counter()
        try:
            self.written = self.format.write(self.model, path)
        except LiteportError as error:
            self.stage = replace(self.stage, problem=str(error))
        size = sum(size_of(file) for file in self._parts())
        self.stage = replace(self.stage, size=size, seconds=time.perf_counter() - start)

    def opened(self) -> list[Runner]:
        """The stage's files, ready to run."""
        names = self.model.signatures[: len(self.written)]
        return [self.format.open(file, name) for file, name in zip(self.written, names, strict=True)]

    def judge(self, raced: Raced | None, folder: Path) -> None:
        """Enters what was found; files that do not match are removed."""
        if raced is None:
            return
        failed = [check for check in raced.verification.outputs if not check.passed]
        for file in self._parts() if failed else ():
            _remove(file)
        self.stage = replace(
            self.stage,
            files=() if failed else tuple(folder / file.name for file in self._parts()),
            inference=raced.seconds,
            verification=raced.verification,
            problem=f"{failed[0].name}: {failed[0].problem}" if failed else "",
        )

    def _parts(self) -> list[Path]:
        """All files, what stands beside some of them too."""
        return [part for file in self.written for part in parts(file)]


def _chosen(model: Any, kinds: Sequence[str] | None) -> list[str]:
    """The kinds in the chain's order. Raises UsageError for one that is not known or cannot be."""
    from_torch = not (is_onnx(model) or is_tflite(model) or is_tensorflow(model))
    if kinds is None:
        return [kind for kind in FORMATS if kind != "onnx" or from_torch]
    if unknown := [kind for kind in kinds if kind not in FORMATS]:
        raise UsageError(f"there is no stage {unknown[0]!r}: {', '.join(FORMATS)}")
    if "onnx" in kinds and not from_torch:
        raise UsageError(f"an .onnx is written from PyTorch, which {model} is not: leave the stage onnx out")
    return [kind for kind in FORMATS if kind in kinds]


def _stem(model: Any) -> str:
    """What the files are called: like the model's file, or its class."""
    if not isinstance(model, str | Path):
        return "model"
    home, colon, name = str(model).rpartition(":")
    return name if colon and home.endswith(".py") else Path(model).stem


def _made(folder: Path) -> Path:
    """The folder, which is there now. Raises InputError where that cannot be."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder: name another for the stages")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}): name another folder") from error
    return folder.resolve()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
