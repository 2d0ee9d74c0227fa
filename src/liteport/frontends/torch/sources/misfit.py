"""The error for weights that do not fit their module: every name on the wrong side, and what was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from liteport.errors import WeightsError
from liteport.frontends.torch.sources.text import described, plain

SHOWN = 10

_REMEDY = (
    "Is it the right --model, with the right --model-args? A factory that loads its own weights"
    " (path/to/file.py:Factory instead of the checkpoint) may rename or leave out what it likes."
)


def misfit(
    source: Path,
    module: Any,
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    missing: Iterable[str],
    unexpected: Iterable[str],
    error: Exception | None = None,
) -> WeightsError:
    """The error, with at most SHOWN names of each sort.

    `own` are the module's tensors by name, `given` the checkpoint's, `missing` and `unexpected` the
    names in only one of them; `error` is what loading raised, for misfits of other sorts.
    """
    missing, unexpected = _ordered(missing, own), _ordered(unexpected, given)
    shapes = [name for name in own if name in given and _differ(own[name], given[name])]
    counts = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    what = ", ".join(f"{len(names):,} {sort}" for sort, names in counts.items() if names) or described(error)

    def near(name: str) -> str:
        return _near(name, given[name], {n: own[n] for n in missing if n in own})

    parts = [
        f"The weights in {source} do not fit {type(module).__name__}: {what}.",
        _section("missing (the model has them, the file does not)", missing, lambda n: _with_shape(n, own.get(n))),
        _section("unexpected (the file has them, the model does not)", unexpected, near),
        _section("of another shape", shapes, lambda n: f"{plain(n)}: file {_shape(given[n])}, model {_shape(own[n])}"),
        _REMEDY,
    ]
    return WeightsError("\n".join(part for part in parts if part))


def _ordered(names: Iterable[str], reference: Mapping[str, Any]) -> list[str]:
    """The names in the order of `reference`, those that are not in it last."""
    chosen = dict.fromkeys(names)
    return [name for name in reference if name in chosen] + [name for name in chosen if name not in reference]


def _section(title: str, names: list[str], line: Callable[[str], str]) -> str:
    if not names:
        return ""
    lines = [f"    {line(name)}" for name in names[:SHOWN]]
    more = [f"    and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return "\n".join([f"  {title}:", *lines, *more])


def _near(name: str, tensor: Any, own: Mapping[str, Any]) -> str:
    """The name with the one that the model probably has for it: the most alike of those with the same shape."""
    alike = [n for n, other in own.items() if _shape(other) == _shape(tensor)]
    near = get_close_matches(name, alike, n=1, cutoff=0.75)
    return _with_shape(name, tensor) + (f"; near match: {near[0]}" if near else "")


def _with_shape(name: str, tensor: Any) -> str:
    return f"{plain(name)} {_shape(tensor)}".strip()


def _differ(one: Any, other: Any) -> bool:
    return bool(_shape(one) and _shape(other)) and _shape(one) != _shape(other)


def _shape(tensor: Any) -> str:
    """As "[64, 3]"; empty for what has none: a module's extra state, a parameter that is still to be shaped."""
    return "" if not isinstance(tensor, torch.Tensor) or is_lazy(tensor) else str(list(tensor.shape))
