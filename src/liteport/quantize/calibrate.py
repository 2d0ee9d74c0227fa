"""Measuring what the numbers of every tensor lie between, on inputs as the model will see them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from liteport.check.given import source_of
from liteport.check.samples import Inputs, Random, Samples, Source
from liteport.errors import InputError, UnsupportedError
from liteport.ir.graph import Module, Op, Value
from liteport.ir.types import Array, DType
from liteport.quantize.chosen import Chosen
from liteport.quantize.quantizer import Ranges
from liteport.quiet import GREETING, without

RANDOM = "random"
"""In the place of data: random inputs, which the user has to ask for by this name."""
RANDOM_SAMPLES = 32

_MASK = -3e38  # numbers as low as float32 has them stand for minus infinity


def calibrate(
    file: Path,
    module: Module,
    choice: Chosen,
    samples: Mapping[str, Samples],
    own: Mapping[str, str],
    told: Callable[[int, int], None] | None = None,
) -> Ranges:
    """The ranges of all that the chosen operations of `module` take and give, over the samples of each signature.

    `file` holds the module; `own` has the names that users know of its tensors. `told` hears how many samples are
    done, and of how many. Raises InputError for inputs and activations that are not finite, UnsupportedError for
    tensors that LiteRT does not show.
    """
    watched = _watched(file)
    found: dict[str, tuple[float, float]] = {}
    ranks: dict[str, int] = {}
    total, done = sum(part.count for part in samples.values()), 0
    for place, graph in enumerate(module.graphs):
        wanted = {value.name: value.rank for op in graph.ops if choice.is_whole(op) for value in _floats(op)}
        ranks |= wanted
        for number, inputs in enumerate(samples.get(str(graph.signature), ())):
            _check_finite(inputs, f"sample {number} of signature {graph.signature}")
            watched.get_signature_runner(graph.signature)(**inputs)
            for name, array in _tensors(watched, place, wanted, own):
                found[name] = _wider(found.get(name), array, own[name])
            watched.reset_all_variables()
            done += 1
            if told is not None:
                told(done, total)
    ends = {name: [np.full((1,) * ranks[name], end, np.float32) for end in each] for name, each in found.items()}
    return {name: {"min": low, "max": high} for name, (low, high) in ends.items()}


def _watched(file: Path) -> Any:
    """LiteRT as users run it, but that it keeps every tensor to be looked at."""
    with warnings.catch_warnings(), without(GREETING):
        warnings.simplefilter("ignore")  # that this takes memory
        keeping: dict[str, Any] = {"experimental_preserve_all_tensors": True}
        return Interpreter(str(file), num_threads=2, experimental_op_resolver_type=OpResolverType.BUILTIN, **keeping)


def _floats(op: Op) -> list[Value]:
    return [v for v in (*op.inputs, *op.outputs) if v is not None and v.dtype is DType.FLOAT32 and not v.is_const]


def _tensors(watched: Any, graph: int, wanted: Iterable[str], own: Mapping[str, str]) -> Iterator[tuple[str, Array]]:
    """The tensors of a graph that has just run, by name."""
    numbers = {detail["name"]: detail["index"] for detail in watched.get_tensor_details(graph)}
    for name in wanted:
        try:
            yield name, watched.get_tensor(numbers[name], graph)
        except ValueError as error:
            raise UnsupportedError(
                f"LiteRT does not show {own[name]}, which int8 needs the range of: {error}"
            ) from error


def _wider(ends: tuple[float, float] | None, array: Array, name: str) -> tuple[float, float]:
    """The range with the array's numbers in it; those that masks are made of are left out."""
    numbers = array[~(array < _MASK)]
    if not np.isfinite(numbers).all():
        raise InputError(f"{name} is not finite for the calibration data: give inputs that the model works on")
    if not numbers.size:
        return ends or (0.0, 0.0)
    low, high = ends or (np.inf, -np.inf)
    return min(low, float(numbers.min())), max(high, float(numbers.max()))


def _check_finite(inputs: Inputs, where: str) -> None:
    for name, array in inputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"input {name} holds NaN or infinite numbers in {where} of the calibration data")


def source(data: Any) -> Source:
    """The samples to calibrate on: RANDOM, or what check.given.source_of() takes.

    Raises InputError where there are none, or `data` cannot be read.
    """
    if data is None:
        raise InputError(
            "int8 is scaled to the numbers that the model works with, so it needs inputs to measure them on: "
            "--calibrate DATA (calibrate=), an .npz, .npy, image or folder of images; "
            f"--calibrate {RANDOM} takes random ones, for a first look"
        )
    return Random(RANDOM_SAMPLES, seed=1) if isinstance(data, str) and data == RANDOM else source_of(data)
