"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from liteport.errors import UsageError

INPUTS, BORDER, LOADING, COMPARISON, OUTPUT = "Inputs", "Border", "Loading", "Comparison", "Output"
TUNING = "Tuning"

Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]SHAPE[:TYPE]",
        help="An input, in the forward's order: 1,3,224,224 or ids=1,128:int64:0..999 (name, type and range).",
        rich_help_panel=INPUTS,
    ),
]
Entry = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:METHOD]=SHAPE",
        help="A signature of its own: a method of the model, and its inputs separated by ';'.",
        rich_help_panel=INPUTS,
    ),
]
InputNames = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Other names for the inputs: image,mask in order, or old=new,...",
        rich_help_panel=BORDER,
    ),
]
OutputNames = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="Other names for the outputs, likewise.", rich_help_panel=BORDER),
]
ChannelsLast = Annotated[
    str | None,
    typer.Option(
        metavar="all|NAMES",
        help="Inputs and outputs stored [N,...,C]: all of 4 or 5 dimensions, or those named.",
        rich_help_panel=BORDER,
    ),
]
InputDtype = Annotated[
    str | None,
    typer.Option(
        metavar="[NAME=]TYPE,...",
        help="uint8 for images, float16 or int8 (quantised) for floats, int32 for int64: all that suit, or by name.",
        rich_help_panel=BORDER,
    ),
]
OutputDtype = Annotated[
    str | None,
    typer.Option(
        metavar="[NAME=]int8,...", help="Quantised outputs: all of floats, or by name.", rich_help_panel=BORDER
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="X[,X,...]",
        help="Of a uint8 image: the network takes (byte * scale - mean) / std; 0.485,0.456,0.406 or one for all.",
        rich_help_panel=BORDER,
    ),
]
Std = Annotated[str | None, typer.Option(metavar="X[,X,...]", help="Likewise; 1.", rich_help_panel=BORDER)]
Scale = Annotated[
    float | None,
    typer.Option(metavar="X", help="Likewise; 1/255. Give 1 for bytes as they are.", rich_help_panel=BORDER),
]
Indices = Annotated[
    str, typer.Option(metavar="int64|int32", help="The type of inputs and outputs in int64.", rich_help_panel=BORDER)
]
Dynamic = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[[INPUT:]DIM=]NAME[:LOW..HIGH]",
        help="A dimension of any size: batch (dimension 0 of every input), ids:1=sequence or x:2=height:32..640.",
        rich_help_panel=INPUTS,
    ),
]
GraphInputs = Annotated[
    str | None,
    typer.Option(
        "--inputs",
        metavar="[NAME=]TENSOR,...",
        help="The tensors of a frozen graph (.pb) that are fed, where that is not evident.",
        rich_help_panel=INPUTS,
    ),
]
GraphOutputs = Annotated[
    str | None,
    typer.Option("--outputs", metavar="[NAME=]TENSOR,...", help="Its results, likewise.", rich_help_panel=INPUTS),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:NAME",
        help="What makes the module for a file of weights: package.module:Name or file.py:Name.",
        rich_help_panel=LOADING,
    ),
]
ModelArgs = Annotated[
    str | None,
    typer.Option(metavar="ARGS", help="Keyword arguments for it: name=value,... or JSON.", rich_help_panel=LOADING),
]
SourceDir = Annotated[
    Path | None,
    typer.Option(
        "--source", metavar="DIR", help="The folder that the model's code is imported from.", rich_help_panel=LOADING
    ),
]
TrustPickle = Annotated[
    bool,
    typer.Option("--trust-pickle", help="Load a file that could run any code.", rich_help_panel=LOADING),
]
Tolerance = Annotated[
    float,
    typer.Option(
        metavar="X",
        min=0,
        help="The bar: a mean absolute error below X * max(1, mean |output|).",
        rich_help_panel=COMPARISON,
    ),
]
Sqnr = Annotated[
    float | None,
    typer.Option(
        metavar="DB",
        help="The bar of quantised models: signal to noise in dB; 40 for fp16, 20 for dynamic, 10 for int8.",
        rich_help_panel=COMPARISON,
    ),
]
Quantize = Annotated[
    str | None,
    typer.Option(
        metavar="fp16|dynamic|int8",
        help="Store weights in float16, or in int8, or compute in int8 as well.",
        rich_help_panel=OUTPUT,
    ),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Inputs to scale int8 to: .npz, .npy, an image, or a folder of images (random: noise, for a first look).",
        rich_help_panel=OUTPUT,
    ),
]
Verify = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="How many samples to compare on before writing: 8, or all of --data.",
        rich_help_panel=COMPARISON,
    ),
]
NoVerify = Annotated[bool, typer.Option("--no-verify", help="Write without comparing.", rich_help_panel=COMPARISON)]
Samples = Annotated[
    int | None,
    typer.Option(
        "--samples", "-n", metavar="N", min=1, help="How many samples: 8, or all of --data.", rich_help_panel=COMPARISON
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Compare on these: .npz, .npy, an image, or a folder of images.",
        rich_help_panel=COMPARISON,
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the random samples.", rich_help_panel=COMPARISON)]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="What to write: a .tflite, .onnx, .keras or .pb, or a folder (SavedModel). SOURCE's name here, .tflite.",
        rich_help_panel=OUTPUT,
    ),
]
Separate = Annotated[
    bool,
    typer.Option(
        "--separate",
        help="One file for each signature, FILE.NAME.tflite (or .onnx, .keras, .pb).",
        rich_help_panel=OUTPUT,
    ),
]
Prefer = Annotated[
    str,
    typer.Option(
        metavar="balanced|latency|size|plain",
        help="Where there are several ways to compute the same: the fastest, the fastest at any cost, none that makes "
        "the file larger, or the most ordinary operators.",
        rich_help_panel=OUTPUT,
    ),
]
Tune = Annotated[
    bool,
    typer.Option("--tune", help="Decide that by measuring the ways on this machine.", rich_help_panel=TUNING),
]
TuneBudget = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0, help="How long to measure at most: 60.", rich_help_panel=TUNING),
]
TuneRecord = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write what was measured, for --tune-from.", rich_help_panel=TUNING),
]
TuneFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Decide by a record, of this machine or another, without measuring.",
        rich_help_panel=TUNING,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Check every pass, and show tracebacks.", rich_help_panel=OUTPUT)]


def about_the_model(
    input: list[str] | None,
    entry: list[str] | None,
    dynamic: list[str] | None,
    model: str | None,
    model_args: str | None,
    source_dir: Path | None,
    trust_pickle: bool,
    graph_inputs: str | None = None,
    graph_outputs: str | None = None,
) -> dict[str, Any]:
    """The options that say what the model is, as those of api.convert() and api.verify(). Raises UsageError."""
    from liteport.cli.specs import parse_entries, parse_inputs

    args, kwargs = parse_inputs(input or [])
    return {
        "inputs": args or None,
        "kwargs": kwargs,
        "entries": parse_entries(entry or []),
        "dynamic": dynamic or None,
        "factory": model,
        "factory_args": model_args,
        "source_dir": source_dir,
        "trust_pickle": trust_pickle,
        **({"graph_inputs": graph_inputs} if graph_inputs else {}),
        **({"graph_outputs": graph_outputs} if graph_outputs else {}),
    }


def about_the_border(
    input_names: str | None,
    output_names: str | None,
    channels_last: str | None,
    input_dtype: str | None,
    mean: str | None,
    std: str | None,
    scale: float | None,
    indices: str,
    output_dtype: str | None = None,
) -> dict[str, Any]:
    """The options that say what the inputs and outputs look like, as those of api.convert(). Raises UsageError."""
    from liteport.cli.specs import parse_names, parse_numbers, parse_types

    return {
        "input_names": parse_names("--input-names", input_names),
        "output_names": parse_names("--output-names", output_names),
        "channels_last": channels_last == "all" or (channels_last.split(",") if channels_last else False),
        "input_dtype": parse_types("--input-dtype", input_dtype),
        "output_dtype": parse_types("--output-dtype", output_dtype),
        "mean": parse_numbers("--mean", mean),
        "std": parse_numbers("--std", std),
        "scale": scale,
        "indices": indices,
    }


def about_tuning(tune: bool, budget: float | None, record: Path | None, source: Path | None) -> bool | float | Path:
    """The options that say who decides between equal forms, as tune= of api.convert(). Raises UsageError."""
    if not tune and (budget is not None or record is not None):
        raise UsageError("--tune-budget and --tune-record belong to --tune")
    if budget == 0:
        raise UsageError("--tune-budget 0 leaves no time to measure: give it seconds, or leave --tune out")
    if tune and source is not None:
        raise UsageError("--tune measures and --tune-from does not: leave one of them out")
    return source or (tune if budget is None else budget)
