"""What models of the transformers library are told at their export. Nothing is imported where the user has none."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

NO_CACHE = "use_cache=False: no cache among the outputs (liteport.decoder() converts a language model with its cache)"

# The library's own switches.
_GROUPED = "TRANSFORMERS_SDPA_FORCE_GQA"
_EXPERTS = "batched_mm"


def is_pretrained(model: Any) -> bool:
    """Whether `model` is one of transformers'."""
    library = sys.modules.get("transformers.modeling_utils")
    return library is not None and isinstance(model, library.PreTrainedModel)


def parameters_of(model: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of the model's forward."""
    return inspect.signature(model.forward).parameters


def without_cache(call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """`kwargs` with use_cache=False, where a model of transformers would else return a cache that nobody asked for."""
    if not is_pretrained(call):
        return kwargs
    given = inspect.signature(call.forward).bind(*args, **kwargs).arguments  # type: ignore[attr-defined]
    if "use_cache" in given or "use_cache" not in parameters_of(call):
        return kwargs
    return {**kwargs, "use_cache": False}


@contextmanager
def plain_operators(module: nn.Module) -> Iterator[None]:
    """Inside, the models of transformers in `module` are made of PyTorch's own operators.

    Grouped queries reach its attention as they are, not with their keys repeated; experts are products in batches.
    """
    grouped = os.environ.get(_GROUPED)
    models = [part for part in module.modules() if is_pretrained(part) and hasattr(part, "set_experts_implementation")]
    experts = [model.get_experts_implementation() for model in models]
    try:
        os.environ[_GROUPED] = "1"
        for model in models:
            model.set_experts_implementation(_EXPERTS)
        yield
    finally:
        os.environ.pop(_GROUPED)
        os.environ |= {} if grouped is None else {_GROUPED: grouped}
        for model, before in zip(models, experts, strict=True):
            model.set_experts_implementation(before)
