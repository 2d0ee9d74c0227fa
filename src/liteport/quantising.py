"""What convert() is told of smaller numbers, and what it makes of a model with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liteport.border import EVERY, Choices
from liteport.check.samples import Samples, Source
from liteport.errors import InputError, UsageError
from liteport.ir.border import Border, Port
from liteport.ir.types import DType
from liteport.model import LiteModel, Progress, counting, report
from liteport.quantize import RANDOM, Ends, check, quantize, source


@dataclass(frozen=True)
class Quantising:
    """The mode (see quantize.MODES), the inputs to calibrate on, what is asked of the border, and whether all that can
    is to be in int8."""

    mode: str
    data: Any
    source: Source | None
    asked: Choices | None
    plain: bool

    @staticmethod
    def of(mode: str | None, data: Any, asked: Choices | None, plain: bool) -> Quantising | None:
        """None where nothing is to be quantised. Raises UsageError for what does not go together, and for samples that
        cannot be read."""
        if data is not None and mode != "int8":
            raise UsageError("--calibrate is for --quantize int8: the others need no inputs")
        if asked is not None and asked.has_int8 and mode != "int8":
            raise UsageError("inputs and outputs in int8 are for --quantize int8")
        if mode is None:
            return None
        check(mode)
        return Quantising(mode, data, source(data) if mode == "int8" else None, asked, plain)

    def apply(self, model: LiteModel, borders: Mapping[str, Border], progress: Progress | None) -> LiteModel:
        """The model with smaller numbers in it, beside the same origin."""
        report(progress, "quantise")
        told = counting("quantise", progress)
        ends = self._ends(borders)
        module, done = quantize(model.module, self.mode, self._samples(model), ends=ends, plain=self.plain, told=told)
        result = LiteModel(module, model.origin, model.notes)
        result.tuning, result.quantised = model.tuning, done
        if isinstance(self.data, str) and self.data == RANDOM:
            result.notes += ("calibrated on random inputs: the ranges of real ones are others (--calibrate DATA)",)
        else:
            result.calibration = self.source
        return result

    def _samples(self, model: LiteModel) -> dict[str, Samples]:
        if self.source is None:
            return {}
        runner = model.origin or model.runtime
        found = {
            name: self.source.samples(name, runner.example(name), runner.trials(name)) for name in model.signatures
        }
        empty = next((name for name, samples in found.items() if not samples.count), None)
        if empty is not None:
            raise InputError(f"{self.source} holds no samples for signature {empty}")
        return found

    def _ends(self, borders: Mapping[str, Border]) -> dict[str, Ends]:
        """The inputs and outputs that are to be int8, by signature."""
        if self.asked is None or not self.asked.has_int8:
            return {}
        ins, outs = self.asked.int8_inputs, self.asked.int8_outputs
        return {
            name: Ends(_named(border.inputs, ins), _named(border.outputs, outs)) for name, border in borders.items()
        }


def _named(ports: Sequence[Port], names: Sequence[str]) -> frozenset[str]:
    """What the ports of these names, old or new ones, are called. Raises UsageError where one holds no floats."""
    found = {port for port in ports if port.name in names or port.source in names}
    wrong = next((port for port in found if port.dtype is not DType.FLOAT32), None)
    if wrong is not None:
        raise UsageError(f"{wrong.name} cannot be int8: it is {wrong.dtype.name.lower()}, and int8 stands for float32")
    every = {port for port in ports if EVERY in names and port.dtype is DType.FLOAT32}
    return frozenset(port.name for port in found | every)
