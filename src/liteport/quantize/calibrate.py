"""Measuring what the numbers of every tensor lie between, on inputs as the model will see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.given import source_of
from liteport.check.samples import Inputs, Random, Samples, Source
from liteport.errors import InputError
from liteport.quantize.quantizer import Calibrator, Ranges, Recipe

RANDOM = "random"
"""In the place of data: random inputs, which the user has to ask for by this name."""
RANDOM_SAMPLES = 32


def calibrate(
    file: Path,
    recipe: Recipe,
    samples: Mapping[str, Samples],
    own: Mapping[str, str],
    told: Callable[[int, int], None] | None = None,
) -> Ranges:
    """The ranges of the tensors that the recipe asks for, by their names in `file`; `own` has those that users know.

    `told` hears how many samples are done, and of how many. Raises InputError for inputs and activations that are not
    finite.
    """
    calibrator = Calibrator(file, recipe)
    total, done = sum(part.count for part in samples.values()), 0
    for signature, part in samples.items():
        for number, inputs in enumerate(part):
            _check_finite(inputs, f"sample {number} of signature {signature}")
            calibrator.add(signature, inputs)
            done += 1
            if told is not None:
                told(done, total)
    for name, range in calibrator.ranges.items():
        if not all(np.isfinite(np.asarray(end)).all() for end in range.values()):
            raise InputError(f"{own.get(name, name)} is not finite for the calibration data: give inputs that work")
    return calibrator.ranges


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
