"""ai-edge-quantizer, in whose hands a file's numbers become smaller ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from liteport.errors import UnsupportedError, UsageError
from liteport.ir.types import Array

Recipe = list[dict[str, Any]]
Ranges = Mapping[str, Mapping[str, Array]]
"""What a tensor's numbers lie between, by its name: {"min": one number, "max": one} in arrays of the tensor's rank."""

_WEIGHTS = {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
_INTEGER = {"compute_precision": "INTEGER"}
_ACTIVATIONS = {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"}


def weights_in_int8(scope: str) -> Recipe:
    """Operations in a scope take their weights in int8, one scale per channel, and activations in floats."""
    return [_entry(scope, "*", {"weight_tensor_config": _WEIGHTS} | _INTEGER)]


def whole_in_int8(scope: str) -> Recipe:
    """Operations in a scope run on int8, weights with one scale per channel. Inputs and outputs stay floats."""
    computed = {"activation_tensor_config": _ACTIVATIONS, "weight_tensor_config": _WEIGHTS} | _INTEGER
    # The kernel for products of matrices takes one scale: with several it gives zeros, without an error.
    product = computed | {"weight_tensor_config": _WEIGHTS | {"granularity": "TENSORWISE"}}
    return [
        _entry(scope, "*", computed),
        _entry(scope, "BATCH_MATMUL", product),
        *(_entry(".*", side, {}) for side in ("INPUT", "OUTPUT")),
    ]


def _entry(scope: str, operator: str, config: Mapping[str, Any]) -> dict[str, Any]:
    algorithm = "min_max_uniform_quantize" if config else "no_quantize"
    return {"regex": scope, "operation": operator, "algorithm_key": algorithm, "op_config": dict(config)}


def require() -> Any:
    """The package. Raises UsageError where it is not installed."""
    try:
        with _quiet():
            from ai_edge_quantizer import quantizer
    except ImportError as error:
        raise UsageError(
            f"int8 needs ai-edge-quantizer ({error}): pip install 'liteport[quantize]'; float16 needs nothing"
        ) from error
    return quantizer


def quantize(file: Path, recipe: Recipe, ranges: Ranges | None, target: Path) -> None:
    """Writes the model in `file`, quantised by the recipe, to `target`. Raises UnsupportedError where it cannot be."""
    package = require()
    try:
        with _quiet():
            quantizer = package.Quantizer(str(file), recipe)
            quantizer.quantize(ranges, serialize_to_path=str(target), enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise UnsupportedError(f"ai-edge-quantizer cannot quantise this model ({_reason(error)}): try fp16") from error


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps its progress bars and warnings off stderr."""
    with redirect_stderr(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
