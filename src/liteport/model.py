"""LiteModel: a converted model in memory, to be run, verified, inspected and saved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from liteport.backends.tflite.writer import save, to_bytes
from liteport.calling import bind, structured
from liteport.check import TOLERANCE
from liteport.check.compare import Verification, compare, merged
from liteport.check.data import open_data
from liteport.check.given import Some
from liteport.check.inspection import Inspection, inspect_module
from liteport.check.litert import LiteRT
from liteport.check.profile import Profile, profile_file
from liteport.check.runner import Noting, Runner
from liteport.check.samples import Random, Source
from liteport.errors import UsageError
from liteport.ir import text
from liteport.ir.graph import Module
from liteport.ir.signatures import by_signature
from liteport.output import parts, signature_file, staged
from liteport.quantize.run import Quantised
from liteport.targets import kind_of
from liteport.tune.record import Record

SAMPLES = 8


@dataclass(frozen=True)
class Step:
    """Where a running job stands: the stage's name, and how many of `total` are done (0 where that has no measure)."""

    stage: str
    done: int = 0
    total: int = 0


Progress = Callable[[Step], None]


@dataclass(frozen=True)
class Saved:
    """What save() left: the files, the verification that they passed, if one was asked for, and what was done to the
    model before it was converted, and when it was quantised."""

    files: tuple[Path, ...]
    verification: Verification | None
    notes: tuple[str, ...] = ()
    quantised: Quantised | None = None


class LiteModel:
    """A model in liteport's IR, with the origin that it was converted from.

    It can be called like the source: with arrays or tensors by position in the source's order, by name, or with
    one dict of names. It runs in LiteRT, from a temporary file. The result is an array where the model has one
    output; a tuple where the source returned one (outputs output_0, output_1 ...); else a dict by name.

    The weights are shared with the source until they are saved: save before you train on.
    `tuning` is what convert(tune=) measured or went by, to be saved and used again; `quantised` what
    convert(quantize=) did, and `calibration` the inputs that it was given: what is verified is so on some of them,
    where no other data are named.
    """

    def __init__(
        self,
        module: Module,
        origin: Runner | None = None,
        notes: Iterable[str] = (),
        path: Path | None = None,
        plain: Callable[[], Module] | None = None,
    ) -> None:
        """`path` is the file that holds `module`, where there is one already; `plain` makes the same model without the
        forms that were chosen for LiteRT's kernels, where there are any."""
        self.module = module
        self.origin = origin
        self.notes = tuple(notes)
        self.tuning: Record | None = None
        self.quantised: Quantised | None = None
        self.calibration: Source | None = None
        self._path = path
        self._plain = plain

    @property
    def signatures(self) -> tuple[str, ...]:
        """The names of the entry points."""
        return tuple(str(graph.signature) for graph in self.module.signatures)

    @property
    def graph_text(self) -> str:
        """The graphs as text, one operation a line."""
        return text.format(self.module)

    def __call__(self, *args: Any, signature: str | None = None, **kwargs: Any) -> Any:
        """Runs the entry point `signature`, which may be left out where there is only one.

        Raises UsageError where the arguments are not the inputs. An input called "signature" can be given in a dict.
        """
        name = self._chosen(signature)
        inputs = bind(self.runtime.example(name), args, kwargs, self.runtime.shapes(name))
        return structured(self.runtime.run(inputs, name))

    def verify(
        self,
        samples: int | None = None,
        data: str | Path | Source | None = None,
        seed: int = 0,
        *,
        tolerance: float = TOLERANCE,
        sqnr: float | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> Verification:
        """Compares this model's outputs with its origin's.

        `samples` random inputs per signature (8), or those in `data` (an .npz or .npy file, an image, or a folder of
        images; at most `samples`). Floats pass with a mean absolute error below tolerance * max(1, mean |output|),
        or as near as float32 allows (check.ROUNDINGS), integers where all are equal; what was quantised by its
        signal to noise ratio, at least `sqnr` dB (see check.SQNR). With `strict` a mismatch raises
        VerificationError; `.require()` does it later.
        Raises UsageError where there is no origin, or none of `samples`.
        """
        verification = self._compare(self.runtime, self._source(samples, data, seed), tolerance, sqnr, progress)
        return verification.require() if strict else verification

    def save(
        self,
        path: str | Path,
        *,
        separate: bool = False,
        verify: int = 0,
        data: str | Path | Source | None = None,
        seed: int = 0,
        tolerance: float = TOLERANCE,
        sqnr: float | None = None,
        progress: Progress | None = None,
    ) -> Saved:
        """Writes the model to `path`, which says as what: m.tflite, m.pb (a frozen graph of TensorFlow, with the names
        of its inputs and outputs beside it in m.pb.json), m.keras (a functional model of Keras), or a folder (a
        SavedModel). With `separate` each signature goes to a file of its own, m.<signature>.tflite.

        With `verify` (a number of samples) or `data` the written files themselves are first compared with the origin,
        and put in place only if they match. Whatever goes wrong, what was at `path` stays. Raises InputError for a
        path that cannot be written to, VerificationError, UnsupportedError for operators that a format has none for,
        and UsageError where TensorFlow is needed and not installed.
        """
        kind = kind_of(path)
        target = kind.check(path)
        if self.quantised is not None and not kind.is_chosen:
            raise UsageError(f"a quantised model is written as .tflite, not as {target.name}: convert without quantize")
        whole = self.module if kind.is_chosen else self.plain
        modules = {target: whole}
        if separate:
            modules = {signature_file(target, name): each for name, each in by_signature(whole).items()}
        report(progress, "write")
        with staged({file: partial(kind.save, module) for file, module in modules.items()}) as files:
            wanted = verify or data is not None
            source = self._source(verify or None, data, seed)
            checks = [
                self._compare(kind.open(file), source, tolerance, sqnr, progress) for file in files.values() if wanted
            ]
            verification = merged(checks).require() if wanted else None
            every = [target.with_name(part.name) for file in files.values() for part in parts(file)]
        return Saved(tuple(every), verification, self.notes, self.quantised)

    def inspect(self) -> Inspection:
        """What the file holds: signatures, operators, bytes by part."""
        return inspect_module(self.module, self._file)

    def profile(self, signature: str | None = None, *, threads: int = 1, runs: int | None = None) -> Profile:
        """Where the time of one run goes: see liteport.profile()."""
        return profile_file(self._file, self.module, signature=signature, threads=threads, runs=runs)

    def to_bytes(self) -> bytes:
        """The .tflite file."""
        return to_bytes(self.module)

    def __repr__(self) -> str:
        count = sum(len(graph.ops) for graph in self.module.graphs)
        return f"<LiteModel {', '.join(self.signatures)}: {count} operators>"

    def _chosen(self, signature: str | None) -> str:
        names = self.signatures
        if signature is None and len(names) == 1:
            return names[0]
        if signature not in names:
            what = "has several signatures: name one" if signature is None else f"has no signature {signature!r}"
            raise UsageError(f"the model {what} ({', '.join(names)})")
        return signature

    def _source(self, count: int | None, data: str | Path | Source | None, seed: int) -> Source:
        """What to compare on (see samples_of): random inputs are none of those that int8 was scaled to."""
        if data is None and self.calibration is not None:
            return Some(self.calibration, SAMPLES if count is None else count)
        return samples_of(count, data, seed)

    def _compare(
        self, runtime: Runner, source: Source, tolerance: float, sqnr: float | None, progress: Progress | None
    ) -> Verification:
        if self.origin is None:
            raise UsageError(
                "a model that was loaded has no origin to be verified against: liteport.verify(origin, model)"
            )
        told = counting("verify", progress)
        done = compare(self.origin, runtime, source, tolerance=tolerance, sqnr=sqnr, progress=told)
        if isinstance(self.origin, Noting):
            self.notes = tuple(dict.fromkeys([*self.notes, *self.origin.notes]))
        return done

    @cached_property
    def plain(self) -> Module:
        """The model in the most ordinary operators: for formats that other runtimes than LiteRT run."""
        return self._plain() if self._plain else self.module

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="liteport-")  # removed with this object

    @cached_property
    def _file(self) -> Path:
        """The model as a file, written once, for LiteRT to map."""
        if self._path is not None:
            return self._path
        path = Path(self._folder.name, "model.tflite")
        save(self.module, path)
        return path

    @cached_property
    def runtime(self) -> LiteRT:
        """The model, loaded in LiteRT."""
        return LiteRT(self._file)


def samples_of(count: int | None, data: str | Path | Source | None, seed: int = 0) -> Source:
    """What to compare on: `data`, at most `count` samples of it, or else `count` random samples (8).

    Raises UsageError for a count below 1, InputError for data that cannot be read.
    """
    if count is not None and count < 1:
        raise UsageError(f"{count} samples: at least 1 is needed")
    if data is None:
        return Random(SAMPLES if count is None else count, seed)
    return open_data(data, count) if isinstance(data, str | Path) else data


def counting(stage: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    """`progress` as one that is told the number of samples."""
    return None if progress is None else lambda done, total: progress(Step(stage, done, total))


def report(progress: Progress | None, stage: str) -> None:
    """Tells `progress` that `stage` begins."""
    if progress is not None:
        progress(Step(stage))
