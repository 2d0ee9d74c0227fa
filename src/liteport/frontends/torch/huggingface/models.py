"""What models of the transformers library are told at their export. Nothing is imported where the user has none."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

NO_CACHE = "use_cache=False: no cache among the outputs (liteport.decoder() converts a language model with its cache)"

# The library's own switch: grouped queries reach PyTorch's attention as they are, not with their keys repeated.
_GROUPED = "TRANSFORMERS_SDPA_FORCE_GQA"


def is_pretrained(model: Any) -> bool:
    """Whether `model` is one of transformers'."""
    library = sys.modules.get("transformers.modeling_utils")
    return library is not None and isinstance(model, library.PreTrainedModel)


def without_cache(call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """`kwargs` with use_cache=False, where a model of transformers would else return a cache that nobody asked for."""
    if not is_pretrained(call):
        return kwargs
    signature = inspect.signature(call.forward)  # type: ignore[attr-defined]
    if "use_cache" not in signature.parameters or "use_cache" in signature.bind(*args, **kwargs).arguments:
        return kwargs
    return {**kwargs, "use_cache": False}


@contextmanager
def grouped_queries() -> Iterator[None]:
    """Inside, attention with fewer keys than queries is exported as such: the repeated keys would cost their copies."""
    before = os.environ.get(_GROUPED)
    os.environ[_GROUPED] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_GROUPED]
        else:
            os.environ[_GROUPED] = before
