"""The door: a float model in, a quantised one out, with what there is to say about it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liteport.backends.tflite.writer import save
from liteport.errors import UsageError
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.graph import Module, Op, Value
from liteport.ir.quantised import mark, marked
from liteport.ir.types import DType
from liteport.quantize import chosen, names, quantizer
from liteport.quantize.half import HalveConstants

MODES = ("fp16", "dynamic")


@dataclass(frozen=True)
class Quantised:
    """What was done: the file's bytes before and after, the operators (or, of fp16, constants) that were quantised, by
    name, and those that were not, by name and reason; and the seconds that it took."""

    mode: str
    before: int
    after: int
    done: dict[str, int]
    left: dict[tuple[str, str], int]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        left = [{"operator": name, "count": count, "why": why} for (name, why), count in self.left.items()]
        return {**vars(self), "left": left}


def quantize(module: Module, mode: str) -> tuple[Module, Quantised]:
    """`module` quantised to `mode`, as a module of its own.

    Raises UsageError for a model that is quantised already, or has nothing to quantise.
    """
    if mode not in MODES:
        raise UsageError(f"--quantize {mode}: it is one of {', '.join(MODES)}")
    _check_float(module)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="liteport-", ignore_cleanup_errors=True) as folder:
        plain, target = Path(folder, "float.tflite"), Path(folder, "quantised.tflite")
        save(module, plain)
        # A copy, whose values belong to one graph each.
        copy = read(plain)
        done, left = _halve(copy) if mode == "fp16" else (Counter[str](), Counter[tuple[str, str]]())
        if mode != "fp16":
            copy, done, left = _in_int8(copy, Path(folder))
        if not done:
            raise UsageError(_nothing(mode, left))
        mark(copy, mode)
        save(copy, target)
        sizes = plain.stat().st_size, target.stat().st_size
        spent = time.perf_counter() - began
        return read(target), Quantised(mode, *sizes, dict(done.most_common()), dict(left.most_common()), spent)


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


def _halve(module: Module) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Stores constants in float16. Returns how many, by what they are for."""
    halving = HalveConstants({})
    for graph in module.graphs:
        halving.run(graph)
    unpacked = [op for graph in module.graphs for op in graph.find(ops.Dequantize) if op.input.dtype is DType.FLOAT16]
    done = Counter(op.output.users[0].name for op in unpacked)
    return done, Counter((op.name, why) for op, why in halving.declined)


def _in_int8(module: Module, folder: Path) -> tuple[Module, Counter[str], Counter[tuple[str, str]]]:
    """Runs the quantizer on the operations that are chosen. Returns the new module, and what became of them."""
    why = {id(op): chosen.dynamic(op) for graph in module.graphs for op in graph.ops}
    own = names.rename(module, lambda op: why[id(op)] == "")
    asked = [
        (op, op.output.name, why[id(op)]) for graph in module.graphs for op in graph.ops if why[id(op)] is not None
    ]
    left = Counter((op.name, reason) for op, _, reason in asked if reason)
    if len(asked) == left.total():
        return module, Counter(), left
    given, target = folder / "named.tflite", folder / "written.tflite"
    save(module, given)
    quantizer.quantize(given, quantizer.dynamic(names.CHOSEN), None, target)
    result = read(target)
    made = names.restore(result, own)
    done: Counter[str] = Counter()
    for op, name, reason in asked:
        if reason == "" and _has_int8(made[name]):
            done[op.name] += 1
        elif reason == "":
            left[op.name, "ai-edge-quantizer left it"] += 1
    return result, done, left


def _has_int8(op: Op) -> bool:
    return any(value is not None and value.dtype is DType.INT8 for value in op.inputs)
