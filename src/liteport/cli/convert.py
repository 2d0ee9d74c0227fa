"""liteport convert SOURCE -o OUT.tflite (or .onnx, .keras, .pb, or a folder)"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liteport.check import TOLERANCE
from liteport.cli import options, tables
from liteport.cli.display import Display
from liteport.errors import UsageError, VerificationError
from liteport.output import size_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from liteport.check.inspection import Inspection
    from liteport.model import Saved


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A .pth, .pt, .pt2, .safetensors, .onnx, .keras, .h5, .pb or .tflite, a SavedModel, or file.py:Name.",
        ),
    ],
    output: options.Output = None,
    input: options.Input = None,
    entry: options.Entry = None,
    dynamic: options.Dynamic = None,
    graph_inputs: options.GraphInputs = None,
    graph_outputs: options.GraphOutputs = None,
    input_names: options.InputNames = None,
    output_names: options.OutputNames = None,
    channels_last: options.ChannelsLast = None,
    input_dtype: options.InputDtype = None,
    output_dtype: options.OutputDtype = None,
    mean: options.Mean = None,
    std: options.Std = None,
    scale: options.Scale = None,
    indices: options.Indices = "int64",
    model: options.Model = None,
    model_args: options.ModelArgs = None,
    source_dir: options.SourceDir = None,
    trust_pickle: options.TrustPickle = False,
    verify: options.Verify = None,
    no_verify: options.NoVerify = False,
    data: options.Data = None,
    seed: options.Seed = 0,
    tolerance: options.Tolerance = TOLERANCE,
    sqnr: options.Sqnr = None,
    separate: options.Separate = False,
    quantize: options.Quantize = None,
    calibrate: options.Calibrate = None,
    prefer: options.Prefer = "balanced",
    tune: options.Tune = False,
    tune_budget: options.TuneBudget = None,
    tune_record: options.TuneRecord = None,
    tune_from: options.TuneFrom = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Convert a model to .tflite, .onnx, .keras, a frozen graph (.pb) or a SavedModel (a folder), compare what was
    written with its source, and put it in place if they agree."""
    from liteport import api
    from liteport.model import SAMPLES, samples_of
    from liteport.output import check_target
    from liteport.targets import TFLITE, kind_of
    from liteport.to_onnx import SUFFIX, export_onnx

    output = output or default_output(source)
    kind = None if output.suffix == SUFFIX else kind_of(output)
    target = kind.check(output, source) if kind else check_target(output, source, SUFFIX)
    if (no_verify or verify == 0) and data is not None:
        raise UsageError("--data is what to compare on: leave it out, or --no-verify")
    samples = None if no_verify or verify == 0 else samples_of(verify, data, seed)
    described = options.about_the_model(
        *(input, entry, dynamic, model, model_args, source_dir, trust_pickle, graph_inputs, graph_outputs)
    )
    border = options.about_the_border(
        *(input_names, output_names, channels_last, input_dtype, mean, std, scale, indices, output_dtype)
    )
    way: dict[str, Any] = {"prefer": prefer, "tune": options.about_tuning(tune, tune_budget, tune_record, tune_from)}
    if kind is None and (graph_inputs or graph_outputs):
        raise UsageError("--inputs and --outputs are for a frozen graph (.pb): an .onnx is written from PyTorch")
    if kind is not TFLITE:
        _only_for_tflite(way, quantize or calibrate)
        way = {"prefer": "plain"}
    shown = not quiet and not as_json
    try:
        # The user's own code may print: standard output is for the result.
        with Display(shown) as display, redirect_stdout(sys.stderr):
            writing: dict[str, Any] = {
                "separate": separate,
                "verify": 0 if samples is None else verify or SAMPLES,
                "data": None if data is None else samples,
                "seed": seed,
                "tolerance": tolerance,
            }
            if kind is None:
                saved = export_onnx(source, target, **described, **border, **writing, progress=display)
            else:
                result = api.convert(
                    source,
                    **described,
                    **border,
                    **way,
                    quantize=quantize,
                    calibrate=calibrate,
                    debug=debug,
                    progress=display,
                )
                if tune_record is not None and result.tuning is not None:
                    result.tuning.save(tune_record)
                saved = result.save(target, **writing, sqnr=sqnr, progress=display)
    except VerificationError as error:
        raise _not_written(error, shown) from error
    if as_json:
        print(json.dumps(_as_dict(saved, display.seconds), indent=2))
    elif shown:
        _show(saved, sum(display.seconds.values()))


def _only_for_tflite(way: dict[str, Any], quantize: str | None) -> None:
    """Raises UsageError for what has no meaning for files of other kinds."""
    if quantize is not None:
        raise UsageError("--quantize is for .tflite: other runtimes' own tools quantise their files")
    if way["prefer"] != "balanced" or way["tune"]:
        raise UsageError("--prefer and --tune choose among forms of a .tflite: other files have none to choose from")


def default_output(source: str) -> Path:
    """The source's own name with .tflite, in the current folder."""
    home, colon, name = source.rpartition(":")
    is_factory = bool(colon) and name.isidentifier()
    if is_factory and not home.endswith(".py"):
        return Path(f"{home.rpartition('.')[2]}.tflite")
    return Path(f"{Path(home if is_factory else source).stem}.tflite")


def _not_written(error: VerificationError, shown: bool) -> VerificationError:
    """The error of a failed verification, after the table that shows it."""
    if shown and error.verification is not None:
        tables.show(None, tables.verification(error.verification), stderr=True)
    judged = error.verification is not None and any(check.quality for check in error.verification.outputs)
    bar = "--sqnr" if judged else "--tolerance"
    hint = f"Nothing was written; {bar} moves the bar, --no-verify writes the file all the same"
    return VerificationError(f"{error}. {hint}", error.verification)


def _as_dict(saved: Saved, seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "files": [{"path": str(file), **_described(file)} for file in saved.files],
        "verification": saved.verification.to_dict() if saved.verification else None,
        **({"quantised": saved.quantised.to_dict()} if saved.quantised else {}),
        "notes": list(saved.notes),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
    }


def _show(saved: Saved, seconds: float) -> None:
    for number, file in enumerate(saved.files):
        place = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        head = tables.headline(place, size_of(file), None if number else seconds)
        if number:
            print()
        tables.show(head, *_blocks(file))
    done = [tables.quantised(saved.quantised)] if saved.quantised else []
    checked = [*done, *([tables.verification(saved.verification)] if saved.verification else [])]
    said = [tables.notes(saved.notes)] if saved.notes else []
    tables.show(None, *checked, *said)


def _described(file: Path) -> dict[str, Any]:
    contents = _contents(file)
    return contents.to_dict() if contents else {"size": size_of(file)}


def _blocks(file: Path) -> list[RenderableType]:
    """What there is to say of a file: its signatures, the tensors of a frozen graph, the operators of a .tflite."""
    from liteport.formats.tensorflow.names import beside, read_names
    from liteport.formats.tensorflow.saved_model import read_signatures

    if file.suffix == ".pb":
        return [tables.tensors([read_names(beside(file))])]
    if file.is_dir():
        return [tables.tensors(read_signatures(file))]
    contents = _contents(file)
    return [tables.signatures(contents), tables.operators(contents)] if contents else []


def _contents(file: Path) -> Inspection | None:
    """What a .tflite holds; None for a file of another kind."""
    from liteport import api
    from liteport.origins import is_tflite

    return api.inspect(file) if is_tflite(file) else None
