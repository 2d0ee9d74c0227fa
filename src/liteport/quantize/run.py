"""The door: a float model in, a quantised one out, with what there is to say about it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liteport.backends.tflite.writer import save
from liteport.check.samples import Samples
from liteport.errors import UsageError
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.quantised import mark, marked
from liteport.ir.types import DType
from liteport.passes.common import ShareCommon
from liteport.passes.dead import DropDead
from liteport.passes.quantised import RunQuantised
from liteport.quantize import chosen, names, quantizer
from liteport.quantize.calibrate import calibrate
from liteport.quantize.ends import Ends, StoreEnds
from liteport.quantize.half import HalveConstants
from liteport.quantize.lookups import LookRowsUp

MODES = ("fp16", "dynamic", "int8")

Calibration = Mapping[str, Samples]
"""Samples by signature."""
Counts = tuple[Counter[str], Counter[tuple[str, str]]]
"""How many were quantised, by operator; how many were not, by operator and reason."""


@dataclass(frozen=True)
class Quantised:
    """What was done: the file's bytes before and after, the operators (or, of fp16, constants) that were quantised, by
    name, and those that were not, by name and reason; on how many samples by signature the ranges of int8 were
    measured; and the seconds that it took."""

    mode: str
    before: int
    after: int
    done: dict[str, int]
    left: dict[tuple[str, str], int]
    samples: dict[str, int]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        left = [{"operator": name, "count": count, "why": why} for (name, why), count in self.left.items()]
        return {**vars(self), "left": left}


def quantize(
    module: Module,
    mode: str,
    calibration: Calibration | None = None,
    *,
    ends: Mapping[str, Ends] | None = None,
    plain: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> tuple[Module, Quantised]:
    """`module` quantised to `mode`, as a module of its own.

    `calibration` has the inputs to measure ranges on for int8; `told` hears how many of them are done. `ends` has the
    inputs and outputs that are to be int8, by signature. `plain` puts all that it can into int8, not only what is
    faster there. Raises UsageError for a model that is quantised already, or has nothing to quantise, InputError for
    samples with numbers that are not finite.
    """
    check(mode)
    _check_float(module)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="liteport-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        float_file, target = folder / "float.tflite", folder / "quantised.tflite"
        save(module, float_file)
        # A copy, whose values belong to one graph each.
        copy = read(float_file)
        if mode == "fp16":
            done, left = _halve(copy)
        else:
            copy, (done, left) = _in_int8(copy, mode, calibration or {}, plain, told, folder)
        if not done:
            raise UsageError(_nothing(mode, left))
        for graph in copy.signatures:
            StoreEnds((ends or {}).get(str(graph.signature), Ends())).run(graph)
        mark(copy, mode)
        save(copy, target)
        sizes = float_file.stat().st_size, target.stat().st_size
        samples = {signature: part.count for signature, part in (calibration or {}).items()}
        counts = dict(done.most_common()), dict(left.most_common())
        return read(target), Quantised(mode, *sizes, *counts, samples, time.perf_counter() - began)


def check(mode: str) -> None:
    """Raises UsageError where there is no such mode, or the package that it takes is not installed."""
    if mode not in MODES:
        raise UsageError(f"--quantize {mode}: it is one of {', '.join(MODES)}")
    if mode != "fp16":
        quantizer.require()


def _check_float(module: Module) -> None:
    """Raises UsageError for a model that has quantised numbers."""
    if mode := marked(module):
        raise UsageError(f"the model is quantised already, to {mode}: start from the float model")
    for graph in module.graphs:
        found = next((value for value in graph.values() if _is_quantised(value)), None)
        if found is not None:
            raise UsageError(
                f"the model is quantised already ({found.name} is {found.type}): start from the float model"
            )


def _is_quantised(value: Value) -> bool:
    scales = value.quantization is not None and bool(value.quantization.scale)
    return (scales and value.dtype is not DType.FLOAT32) or (value.is_const and value.dtype is DType.FLOAT16)


def _nothing(mode: str, left: Counter[tuple[str, str]]) -> str:
    reasons = "; ".join(f"{name}: {why}" for name, why in left)
    return f"there is nothing to quantise to {mode}" + (f" ({reasons})" if reasons else ": leave --quantize out")


def _halve(module: Module) -> Counts:
    """Stores constants in float16. Returns how many, by what they are for."""
    halving = HalveConstants({})
    for graph in module.graphs:
        halving.run(graph)
    unpacked = [op for graph in module.graphs for op in graph.find(ops.Dequantize) if op.input.dtype is DType.FLOAT16]
    done = Counter(op.output.users[0].name for op in unpacked)
    return done, Counter((op.name, why) for op, why in halving.declined)


def _in_int8(
    module: Module,
    mode: str,
    calibration: Calibration,
    plain: bool,
    told: Callable[[int, int], None] | None,
    folder: Path,
) -> tuple[Module, Counts]:
    """Runs the quantizer on the operations that are chosen. Returns the new module, and what became of them."""
    for graph in module.graphs:
        LookRowsUp().run(graph)
    choice = _choose(module, mode, plain)
    own = names.rename(module, choice.letter)
    operations = [op for graph in module.graphs for op in graph.ops]
    asked = [(op, op.output.name, why) for op, why in choice.asked(operations)]
    left = Counter((op.name, why) for op, _, why in asked if why)
    if left.total() == len(asked):
        return module, (Counter(), left)
    recipe = quantizer.weights_in_int8(names.WEIGHTS)
    if any(map(choice.is_whole, operations)):  # a recipe with anything whole in it asks for ranges
        recipe += quantizer.whole_in_int8(names.WHOLE)
    given, target = folder / "named.tflite", folder / "written.tflite"
    save(module, given)
    ranges = calibrate(given, module, choice, calibration, own, told) if mode == "int8" else None
    quantizer.quantize(given, recipe, ranges, target)
    result = _tidied(target, plain) if mode == "int8" else read(target)
    made = names.made(result)
    names.restore(result, own)
    ends = [(op, why, _has_int8(made.get((name, op.name), op))) for op, name, why in asked]
    done = Counter(op.name for op, _, in_int8 in ends if in_int8)
    left = Counter((op.name, why or chosen.NO_KERNEL) for op, why, in_int8 in ends if not in_int8)
    return result, (done, left)


def _tidied(file: Path, plain: bool) -> Module:
    """The module in a file, with what the quantizer has no form for in int8, where that takes fewer operations."""
    result, other = read(file), read(file)
    for graph in other.graphs:
        for each in (RunQuantised(plain=plain), ShareCommon(), DropDead()):
            each.run(graph)
    return min(result, other, key=lambda module: sum(len(graph.ops) for graph in module.graphs))


def _choose(module: Module, mode: str, plain: bool) -> chosen.Chosen:
    def choose(graph: Graph) -> chosen.Chosen:
        return chosen.static(graph, plain) if mode == "int8" else chosen.dynamic(graph)

    found = [choose(graph) for graph in module.graphs]
    why = {key: why for each in found for key, why in each.why.items()}
    return chosen.Chosen(why, frozenset[int]().union(*(each.weights for each in found)))


def _has_int8(op: Op) -> bool:
    return any(value is not None and value.dtype is DType.INT8 for value in op.inputs)
