"""The public face: convert(), load(), verify(), inspect() and profile()."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from liteport.border import BorderOptions, Choices, borders, choices
from liteport.check import TOLERANCE
from liteport.check.border import AtBorder
from liteport.check.compare import Verification, compare
from liteport.check.inspection import Inspection, inspect_module
from liteport.check.litert import UNSIGNED, LiteRT, evaluate
from liteport.check.profile import Profile
from liteport.check.runner import Runner
from liteport.check.samples import Source
from liteport.collector import no_collection
from liteport.errors import InputError, InvalidGraphError, UsageError
from liteport.frontends.tflite.reader import read
from liteport.ir.border import Border
from liteport.ir.graph import Module
from liteport.ir.validate import validate
from liteport.lowering.open_sizes import opened
from liteport.model import LiteModel, Progress, counting, report, samples_of
from liteport.origins import Entries, Given, is_onnx, is_tflite, onnx_runner
from liteport.passes.choose.choose import Choice, Prefer, preference
from liteport.passes.choose.sites import advice
from liteport.quantising import Quantising
from liteport.tune.decider import Decider, Tune
from liteport.tune.record import Record


def convert(
    model: Any,
    inputs: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    entries: Entries | None = None,
    dynamic: Any = None,
    factory: str | None = None,
    factory_args: Mapping[str, Any] | str | None = None,
    source_dir: str | Path | None = None,
    trust_pickle: bool = False,
    graph_inputs: Any = None,
    graph_outputs: Any = None,
    verify: int = 0,
    tolerance: float = TOLERANCE,
    sqnr: float | None = None,
    quantize: str | None = None,
    calibrate: Any = None,
    prefer: str = "balanced",
    tune: Tune = False,
    debug: bool = False,
    progress: Progress | None = None,
    **border: Unpack[BorderOptions],
) -> LiteModel:
    """Converts a model of PyTorch, ONNX or TensorFlow, or reads and optimises a .tflite file.

    model: an nn.Module or a method of one; an ExportedProgram; an onnx.ModelProto; a Keras model, a concrete function,
        a tf.function or a tf.Module; a path (.pth, .pt, .pt2, .safetensors, .onnx, .keras, .h5, .pb, .tflite, the
        folder of a SavedModel, or path/to/file.py:Factory); or a dict of entry points {"track": (net.track, args)} or
        (net.track, args, kwargs), which become signatures of one model that share their weights.
    inputs, kwargs: example arguments of the forward, tensors or arrays: they fix shapes and types. A .pt2 or .tflite
        needs none, an .onnx or a model of TensorFlow only where it leaves sizes open. Whatever is no tensor becomes a
        constant.
    entries: several entry points of a module or path, {"track": (method name, args)}.
    dynamic: dimensions of the inputs that may have another size whenever the model runs: "batch" (dimension 0 of every
        input), "x:0=batch,x:2=height:32..640" (input, dimension, name, range), or what torch.export takes as
        dynamic_shapes. The example's sizes are those that the file has at rest.
    factory, factory_args: what makes the module that a file of weights belongs to, "package.module:Factory" or
        "path/to/file.py:Factory", and its keyword arguments.
    source_dir: a folder to import the model's code from.
    trust_pickle: load a file that could run any code.
    graph_inputs, graph_outputs: the tensors of a frozen graph (.pb) between which it is converted, in order or by the
        names that they are to have; evident ones are found.
    verify, tolerance, sqnr: compare with the origin on that many random samples first (see LiteModel.verify).
    quantize: "fp16" stores weights in float16, "dynamic" in int8 where kernels take those with float activations,
        "int8" computes in int8 as well: see docs/quantisation.md.
    calibrate: inputs as the model will see them, on which the ranges of int8 are measured: a path (.npz, .npy, an
        image or a folder of images), an array whose first axis counts samples, a dict of such by input name, anything
        that yields samples (arrays, dicts or tuples), a dict of these by signature, or "random".
    prefer: what is chosen for where the same can be computed in several ways: "balanced", speed at no cost beyond
        rounding; "latency", speed also at a cost in bytes or accuracy, which `notes` tell; "size", no way that makes
        the file larger; "plain", the fewest and most ordinary operators.
    tune: decide between such ways by measuring them on this machine, for 60 seconds (True) or so many, or by a record
        of such measurements (a path, or the `tuning` of another model): see docs/tuning.md.
    debug: check the graph after every pass.
    progress: is told of every stage that begins, and of every sample.
    border: names, layout and types of the inputs and outputs, input_names= to indices=: see BorderOptions.

    The module is left as it is: training mode, GPU and half precision are dealt with on a twin (see `notes`).
    Raises UsageError and its kin (InputError, UnsafeFileError, WeightsError) for what cannot be read,
    UnsupportedError with all operators that cannot be converted, VerificationError.
    """
    if is_tflite(model) and (inputs is not None or kwargs or entries or factory or factory_args):
        raise UsageError(f"{model} is complete: leave --input, --entry and --model out")
    decider = _decider(tune, progress)
    asked, choice = choices(**border), Choice(preference(prefer), decider.decide if decider else None)
    quantising = Quantising.of(quantize, calibrate, asked, plain=prefer == "plain")
    with no_collection():
        report(progress, "load")
        origin: Any = None
        if not is_tflite(model):
            given = Given(
                *(inputs, kwargs, entries, dynamic, factory, factory_args, source_dir, trust_pickle),
                *(graph_inputs, graph_outputs),
            )
            origin = given.open(model, progress)
        making = _Making(origin.to_ir if origin else lambda: opened(load(model).module), asked, debug)
        report(progress, "import")
        module, found = making.imported()
        report(progress, "optimise")
        try:
            making.optimise(module, choice)
        except Exception as error:  # whatever passes make of operations that contradict each other
            if not is_tflite(model) or (damage := _damage(model)) is None:
                raise
            raise damage from error
        is_plain = choice.prefer is Prefer.PLAIN and decider is None
        notes, runner = (origin.notes, origin) if origin else ((), LiteRT(model))
        at_border = runner if asked is None else AtBorder(runner, found)
        result = LiteModel(module, at_border, notes, plain=None if is_plain else making.plain)
        result.notes += tuple(map(str, choice.traded))
        if decider is not None:
            result.notes += tuple(decider.finish())
            result.tuning = decider.record
        if quantising is not None:
            result = quantising.apply(result, found, progress)
    if verify:
        result.verify(verify, tolerance=tolerance, sqnr=sqnr, strict=True, progress=progress)
    return result


def _damage(model: str | Path) -> InputError | None:
    """What is wrong with the operations of a .tflite, which reading it does not look into; None where they fit."""
    try:
        for graph in opened(load(model).module).graphs:
            validate(graph)
    except InvalidGraphError as broken:
        return InputError(f"{model} is damaged: {broken}; get the file again from where it came")
    return None


def _decider(tune: Tune, progress: Progress | None) -> Decider | None:
    """Who decides between equal forms, if not their rules."""
    if tune is False or isinstance(tune, Decider):
        return tune or None
    from liteport.tune.tuner import BUDGET, Tuner  # brings SciPy

    if isinstance(tune, str | Path | Record):
        return Tuner.replaying(tune)
    told = counting("tune", progress)
    return Tuner.measuring(BUDGET if tune is True else tune, told=told)


@dataclass(frozen=True)
class _Making:
    """How the IR of a model is made: read, given the inputs and outputs that were asked for, and optimised."""

    read: Callable[[], Module]
    asked: Choices | None
    debug: bool

    def imported(self) -> tuple[Module, Mapping[str, Border]]:
        """The model before the passes, and its border by signature, where one was asked for."""
        module = self.read()
        if self.asked is None:
            return module, {}
        from liteport.passes.border import SetBorder

        found = borders(module.graphs, self.asked)
        for graph in module.signatures:
            SetBorder(found).run(graph)
        return module, found

    def optimise(self, module: Module, choice: Choice) -> None:
        from liteport.passes.pipeline import optimise  # brings SciPy, which reading and comparing do not need

        optimise(module, evaluate, choice, debug=self.debug)

    def plain(self) -> Module:
        """The model once more, in the plain forms."""
        with no_collection():
            module, _ = self.imported()
            self.optimise(module, Choice(Prefer.PLAIN))
        return module


def decoder(model: Any, *, prefill: int | Sequence[int], cache: int, batch: int = 1) -> Entries:
    """The entry points of a causal language model of transformers around its cache, for convert():

        liteport.convert(liteport.decoder(model, prefill=64, cache=1024)).save("model.tflite")

    `decode` takes one token [B, 1] (int32), its position in the sequence, and the cache, and returns the logits [B, V]
    of what follows, and the cache. `prefill` takes many at once [B, N], the position of the first, and the cache, and
    returns the cache; of several lengths N it is prefill_16, prefill_64 and so on. A shorter prompt is filled up with
    any token: decode goes on from the prompt's last token, at its own position, and overwrites what stands behind it.

    The cache has room for `cache` positions: tensors key_0, value_0, key_1 ... that are zeros at first, and are
    passed on from one call to the next. Raises UsageError for another kind of model or lengths that do not fit,
    UnsupportedError for a model that cannot work with such a cache.
    """
    from liteport.frontends.torch.huggingface.decoder import entry_points

    return entry_points(model, prefill, cache, batch)


def tune_kit(model: Any, folder: str | Path, inputs: Any = None, **options: Any) -> list[Path]:
    """Writes what a device needs to decide between equal forms of a model's parts, for convert(tune=) here.

    `folder` gets each part in each form as a .tflite, and run.py, which measures them there (with NumPy and a
    runtime of TFLite, nothing else) and writes record.json: the record for `tune`. The model and the options are
    those of convert(), and should be the same when the record is used. Returns the paths of the files.
    """
    from liteport.tune.kit import Kit  # brings SciPy

    kit = Kit()
    convert(model, inputs, tune=kit, **options)
    return kit.write(Path(folder))


def load(path: str | Path) -> LiteModel:
    """The model in a .tflite file, as it is. Raises InputError for a file that cannot be read, or is another kind."""
    if not is_tflite(path):
        raise InputError(f"{path} is not called .tflite: liteport.convert() reads models of other kinds")
    module = read(path)
    if not module.signatures:
        module.graphs[0].signature = UNSIGNED
    return LiteModel(module, path=Path(path))


def verify(
    reference: Any,
    candidate: Any,
    inputs: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    entries: Entries | None = None,
    dynamic: Any = None,
    factory: str | None = None,
    factory_args: Mapping[str, Any] | str | None = None,
    source_dir: str | Path | None = None,
    trust_pickle: bool = False,
    graph_inputs: Any = None,
    graph_outputs: Any = None,
    samples: int | None = None,
    data: str | Path | Source | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    sqnr: float | None = None,
    progress: Progress | None = None,
    **border: Unpack[BorderOptions],
) -> Verification:
    """Compares the outputs of two models, each a LiteModel, a .tflite or .onnx file, or whatever convert() takes.

    `inputs` and the options after it are convert()'s, for the sides that are no such files; where the other side is
    one, its inputs serve as the example. An .onnx runs in ONNX Runtime. `border` is convert()'s too: the reference is
    put behind it before it is compared. `samples`, `data`, `seed`, `tolerance` and `sqnr` are those of
    LiteModel.verify(); with `sqnr` a candidate of any converter is held to it.
    Signatures, inputs and outputs are matched by name, else by position. The result says whether they agree;
    `.require()` raises VerificationError. Raises InputError where the two do not take the same inputs.
    """
    source = samples_of(samples, data, seed)
    asked = choices(**border)
    report(progress, "load")
    sides = [load(side) if is_tflite(side) else side for side in (reference, candidate)]
    files = [side.runtime if isinstance(side, LiteModel) else onnx_runner(side) for side in sides]
    known = [file for file in files if file is not None]
    given = Given(
        *(inputs, kwargs, entries, dynamic, factory, factory_args, source_dir, trust_pickle),
        *(graph_inputs, graph_outputs),
    )

    def runner(side: Any, file: Runner | None) -> Any:
        fallback = _inputs_of(known[0]) if known and asked is None else {}
        return given.open(side, progress, fallback) if file is None else file

    ours, theirs = (runner(side, file) for side, file in zip(sides, files, strict=True))
    if asked is not None:
        ours = AtBorder(ours, borders(_module(sides[0], ours).graphs, asked))
    return compare(ours, theirs, source, tolerance=tolerance, sqnr=sqnr, progress=counting("verify", progress))


def inspect(model: str | Path | LiteModel) -> Inspection:
    """What a .tflite file holds: signatures, operators, bytes by part. Raises InputError."""
    return model.inspect() if isinstance(model, LiteModel) else inspect_module(read(model), model)


def profile(
    model: str | Path | LiteModel, signature: str | None = None, *, threads: int = 1, runs: int | None = None
) -> Profile:
    """Where the time of a .tflite goes, of any converter: its operators by time, XNNPACK's own included.

    signature: which one to run, where there are several. It runs on random inputs.
    threads: of the runtime.
    runs: how many to take the times from; as many as take 5 seconds (5 to 100) by default.

    Raises InputError for a file that cannot be read, UsageError for a signature that is not there, LiteportError where
    LiteRT cannot run it.
    """
    opened = model if isinstance(model, LiteModel) else load(model)
    found = opened.profile(signature, threads=threads, runs=runs)
    advised = {graph.name: advice(graph) for graph in opened.module.graphs}
    return replace(
        found,
        operators=tuple(replace(each, advice=advised[each.graph].get(each.index, "")) for each in found.operators),
    )


def _module(side: Any, runner: Any) -> Module:
    """What is verified as the IR has it. Raises UsageError for a file that is only run."""
    if isinstance(side, LiteModel):
        return side.module
    if isinstance(side, str | Path) and is_onnx(side):
        raise UsageError(f"{side} is compared as it is: leave the options of the border (--input-names ...) out")
    module: Module = runner.to_ir()
    return module


def _inputs_of(file: Runner) -> dict[str, tuple[Any, ...]]:
    """Example inputs for the network that the file was made from, by signature."""
    return {name: tuple(file.example(name).values()) for name in file.signatures}
