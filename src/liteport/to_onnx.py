"""export_onnx(): PyTorch's own .onnx files, with the loading, the names and the proof of a conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from liteport.border import BorderOptions, Choices, borders, choices
from liteport.check import TOLERANCE
from liteport.check.border import AtBorder
from liteport.check.compare import Verification, compare, merged
from liteport.check.runner import Runner
from liteport.check.samples import Source
from liteport.errors import UsageError
from liteport.ir.border import Border
from liteport.model import Progress, Saved, counting, report, samples_of
from liteport.origins import is_onnx, is_tensorflow, is_tflite
from liteport.output import Writer, check_target, parts, signature_file, staged

if TYPE_CHECKING:
    from liteport.frontends.torch.model import TorchModel

SUFFIX = ".onnx"


def export_onnx(
    model: Any,
    path: str | Path,
    inputs: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    entries: Mapping[str, Sequence[Any]] | None = None,
    dynamic: Any = None,
    factory: str | None = None,
    factory_args: Mapping[str, Any] | str | None = None,
    source_dir: str | Path | None = None,
    trust_pickle: bool = False,
    separate: bool = False,
    verify: int = 0,
    data: str | Path | Source | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
    **border: Unpack[BorderOptions],
) -> Saved:
    """Writes a PyTorch model to `path`, which must end in .onnx, by torch.onnx.export(dynamo=True).

    `model`, `inputs` and the options after them are convert()'s; of `border` input_names and output_names. An .onnx has
    one entry point: several go to a file each with `separate`, model.<entry>.onnx. Dynamic dimensions bear the names
    that they were given. The weights of a file that would be too large (2 GB) stand in path.onnx.data beside it.

    With `verify` (a number of samples) or `data` the written files are first compared with PyTorch, in ONNX Runtime,
    and put in place only if they match. Whatever goes wrong, what was at `path` stays. Needs liteport[onnx]. Raises
    what convert() raises, UnsupportedError for what torch.onnx cannot write among it.
    """
    target = check_target(path, suffix=SUFFIX)
    if is_onnx(model) or is_tflite(model) or is_tensorflow(model):
        raise UsageError(f"{model} is no PyTorch model: an .onnx is written from PyTorch, by torch.onnx")
    asked = _only_names(choices(**border) or Choices())
    source = samples_of(verify or None, data, seed) if verify or data is not None else None
    report(progress, "load")
    # PyTorch is only imported where it is used.
    from liteport.frontends.torch.entries import Options, open_model

    options = Options(factory, factory_args, source_dir, trust_pickle)
    origin = open_model(model, inputs, kwargs, entries, options, dynamic=dynamic)
    report(progress, "export")
    plan = OnnxFiles.of(origin, target, asked, separate)
    report(progress, "write")

    def compared(runner: Runner, source: Source) -> Verification:
        told = counting("verify", progress)
        return compare(AtBorder(origin, plan.borders), runner, source, tolerance=tolerance, progress=told)

    with staged(plan.writers) as written:
        checks = [compared(runner, source) for runner in plan.runners(written) if source is not None]
        verification = merged(checks).require() if checks else None
        every = [target.with_name(part.name) for file in written.values() for part in parts(file)]
    return Saved(tuple(every), verification, plan.notes)


@dataclass(frozen=True)
class OnnxFiles:
    """The .onnx files that a PyTorch model becomes: by entry point their places and what their inputs and outputs are
    called, and what there is to say of that."""

    origin: TorchModel
    places: Mapping[str, Path]
    borders: Mapping[str, Border]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, origin: TorchModel, target: Path, asked: Choices, separate: bool) -> OnnxFiles:
        """A file at `target`, or with `separate` one for each entry point beside it.

        Raises UsageError where several entry points are to share one, or what torch.onnx needs is not installed.
        """
        from liteport.frontends.torch.onnx import faces, require_onnx

        require_onnx()
        places = _files(target, list(origin.entries), separate)
        notes = list(origin.notes)
        found = {name: _distinct(border, notes) for name, border in borders(faces(origin), asked).items()}
        return cls(origin, places, found, tuple(dict.fromkeys(notes)))

    @property
    def writers(self) -> dict[Path, Writer]:
        """What writes each file. Raises UnsupportedError where torch.onnx cannot."""
        return {place: partial(self._write, name) for name, place in self.places.items()}

    def runners(self, written: Mapping[Path, Path]) -> list[Runner]:
        """The files, which are still at `written`, in ONNX Runtime."""
        from liteport.check.onnx_runtime import OnnxRuntime

        return [OnnxRuntime(written[place], signature=name) for name, place in self.places.items()]

    def _write(self, name: str, file: Path) -> None:
        from liteport.frontends.torch.onnx import OnnxFile

        OnnxFile(self.origin, name, self.borders[name]).save(file)


def _files(target: Path, entries: Sequence[str], separate: bool) -> dict[str, Path]:
    """The file of each entry point. Raises UsageError for several that are to share one."""
    if separate:
        return {name: signature_file(target, name) for name in entries}
    if len(entries) > 1:
        several = ", ".join(signature_file(target, name).name for name in entries)
        raise UsageError(f"an .onnx has one entry point: --separate (separate=True) writes {several}")
    return dict.fromkeys(entries, target)


def _only_names(asked: Choices) -> Choices:
    """What is asked of the border, where that is names. Raises UsageError for the rest."""
    if asked != Choices(asked.input_names, asked.output_names):
        raise UsageError(
            "an .onnx has the types and the order of dimensions that PyTorch has: convert to .tflite for others "
            "(--channels-last, --input-dtype, --mean, --std, --scale, --indices)"
        )
    return asked


def _distinct(border: Border, notes: list[str]) -> Border:
    """The border with outputs that are not called like an input, which in an .onnx would be the same value."""
    taken = {port.name for port in [*border.inputs, *border.outputs]}
    outputs = []
    for port in border.outputs:
        name = port.name
        while name in {other.name for other in border.inputs} or (name != port.name and name in taken):
            name = f"{name}_output"
        if name != port.name:
            notes.append(f"output {port.name} is called {name}: in an .onnx no output bears an input's name")
        outputs.append(replace(port, name=name))
    return Border(border.inputs, tuple(outputs))
