"""Which dimensions of a network's inputs may have another size than in the example.

They are named in text (see ir/dynamic.py), or by what torch.export calls dynamic_shapes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils import _pytree as pytree

from liteport.errors import UsageError
from liteport.ir.dynamic import Dimension, is_text, parse


@dataclass(frozen=True)
class Dynamic:
    """The dynamic dimensions of one call: in torch.export's terms, and the names of those that have one."""

    shapes: Any = None
    specs: Sequence[Any] = ()  # of each tensor, in order
    names: Mapping[tuple[int, int], str] = field(default_factory=dict)


FIXED = Dynamic()
"""All sizes as in the example."""


def resolve(spec: Any, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dynamic:
    """What `spec`, in text (or a list of texts) or torch.export's terms, means for a call on these arguments.

    Raises UsageError where an input or axis is not there.
    """
    if spec is None:
        return FIXED
    bound = dict(inspect.signature(call).bind(*args, **kwargs).arguments)
    if not is_text(spec):
        shapes = _by_name(spec, list(bound))
        specs = list(_axes(bound, shapes))
        return Dynamic(shapes, specs, dict(_names_of(specs)))
    leaves, structure = pytree.tree_flatten_with_path(bound)
    chosen = _chosen(parse(spec), [("_".join(map(_key, path)), leaf) for path, leaf in leaves])
    shapes = pytree.tree_unflatten([_torch_dims(axes) for axes in chosen], structure)
    tensors = [axes for axes, (_, leaf) in zip(chosen, leaves, strict=True) if isinstance(leaf, torch.Tensor)]
    names = {(number, axis): d.name for number, axes in enumerate(tensors) for axis, d in axes.items()}
    return Dynamic(shapes, [_torch_dims(axes) for axes in tensors], names)


def _chosen(dimensions: Sequence[Dimension], leaves: Sequence[tuple[str, Any]]) -> list[dict[int, Dimension]]:
    """The dynamic axes of every argument."""
    chosen: list[dict[int, Dimension]] = [{} for _ in leaves]
    for d in dimensions:
        if d.step > 1:
            raise UsageError(f"PyTorch finds by itself what {d.name} must be a multiple of: leave /{d.step} out")
        hits = [
            axes
            for axes, (name, leaf) in zip(chosen, leaves, strict=True)
            if isinstance(leaf, torch.Tensor) and d.axis < leaf.dim() and d.input in (None, name)
        ]
        if not hits:
            tensors = ", ".join(f"{n}{list(leaf.shape)}" for n, leaf in leaves if isinstance(leaf, torch.Tensor))
            raise UsageError(f"no input {d.input or ''} with a dimension {d.axis} for {d.name}: there are {tensors}")
        for axes in hits:
            axes[d.axis] = d
    return chosen


def _torch_dims(axes: Mapping[int, Dimension]) -> dict[int, Any] | None:
    """For torch.export a dimension has 2 elements at least: what has 1 broadcasts."""
    return {axis: torch.export.Dim.DYNAMIC(min=max(d.low or 0, 2), max=d.high) for axis, d in axes.items()} or None


def _key(key: Any) -> str:
    """A pytree key as it reads in a name."""
    return str(next((getattr(key, a) for a in ("key", "idx", "name") if hasattr(key, a)), key))


def _by_name(spec: Any, parameters: Sequence[str]) -> Any:
    """torch.export's dynamic_shapes as a dict by parameter."""
    if isinstance(spec, Mapping):
        return {name: spec.get(name) for name in parameters} if set(spec) <= set(parameters) else spec
    return dict(zip(parameters, spec, strict=False)) if isinstance(spec, tuple | list) else spec


def _names_of(specs: Sequence[Any]) -> Iterator[tuple[tuple[int, int], str]]:
    """The names of torch.export.Dims, by number of the tensor and axis."""
    for number, axes in enumerate(specs):
        items = axes.items() if isinstance(axes, Mapping) else enumerate(axes or ())
        named = ((axis, d) for axis, d in items if isinstance(d, torch.export.Dim) and not hasattr(d, "root"))
        yield from (((number, axis), d.__name__) for axis, d in named)


def _axes(arguments: Any, shapes: Any) -> Iterator[Any]:
    """The specification of every tensor in `arguments`, in order; None where it has none."""
    if isinstance(arguments, torch.Tensor):
        yield shapes
    elif isinstance(arguments, Mapping):
        for key, item in arguments.items():
            yield from _axes(item, shapes.get(key) if isinstance(shapes, Mapping) else None)
    elif isinstance(arguments, list | tuple):
        for at, item in enumerate(arguments):
            yield from _axes(item, shapes[at] if isinstance(shapes, list | tuple) and at < len(shapes) else None)


def enlarged(dynamic: Dynamic, arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
    """The arguments (args, kwargs) with at least 2 elements, or what its range begins with, along each dynamic axis.

    torch.export takes a size of 0 or 1 for a fixed one.
    """
    if dynamic.shapes is None:
        return arguments
    specs = iter(dynamic.specs)
    return pytree.tree_map(
        lambda leaf: _grown(leaf, next(specs)) if isinstance(leaf, torch.Tensor) else leaf, arguments
    )


def _grown(tensor: torch.Tensor, axes: Any) -> torch.Tensor:
    items = axes.items() if isinstance(axes, Mapping) else enumerate(axes or ())
    for axis, dim in items:
        if dim is None or isinstance(dim, int):
            continue
        least = max(2, getattr(dim, "min", None) or 0)
        if 0 < tensor.shape[axis] < least:
            copies = -(-least // tensor.shape[axis])
            tensor = torch.cat([tensor] * copies, axis).narrow(axis, 0, least)
    return tensor
