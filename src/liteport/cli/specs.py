"""What --input and --entry say: shapes and types of example inputs.

--input 1,3,224,224          float32, the first argument of the forward
--input ids=1,128:int64      by name, another type
--input 1,128:int64:0..999   integers from 0 to 999 (else 0 and 1)
--input scalar:int64         no dimensions
--entry track=1,3,271,271    the method `track`; several inputs separated by ";"
--entry find:track=...       the method `track` as the signature `find`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from liteport.errors import UsageError

Example = tuple[tuple[Any, ...], dict[str, Any]]

_SPEC = re.compile(
    r"(?:(?P<name>[^\s=]+)=)?(?P<shape>scalar|\d+(?:[,x]\d+)*)(?::(?P<type>\w+)(?::(?P<low>-?\d+)\.\.(?P<high>-?\d+))?)?"
)
_ENTRY = re.compile(r"(?P<name>[^\s:=/\\]+)(?::(?P<method>[^\W\d]\w*))?=(?P<inputs>.+)")
_TYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


def parse_inputs(specs: Sequence[str]) -> Example:
    """Arguments and keyword arguments with an example array each. Raises UsageError."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for spec in specs:
        name, array = _parse(spec.strip())
        if name is None:
            args.append(array)
        elif name in kwargs:
            raise UsageError(f"--input {name} is given twice")
        else:
            kwargs[name] = array
    return tuple(args), kwargs


def parse_entries(specs: Sequence[str]) -> dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Method, arguments and keyword arguments by entry point. Raises UsageError."""
    entries: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {}
    for spec in specs:
        found = _ENTRY.fullmatch(spec.strip())
        if found is None:
            raise UsageError(f"--entry {spec!r} is not NAME=SHAPE or NAME:METHOD=SHAPE, such as track=1,3,271,271")
        name = found["name"]
        if name in entries:
            raise UsageError(f"--entry {name} is given twice")
        entries[name] = (found["method"] or name, *parse_inputs(found["inputs"].split(";")))
    return entries


def parse_names(option: str, spec: str | None) -> list[str] | dict[str, str] | None:
    """image,mask as a list; old=new,... as a dict. Raises UsageError for a mixture, or an empty name."""
    if spec is None:
        return None
    parts = [tuple(word.strip() for word in part.partition("=")) for part in spec.split(",")]
    named = {bool(equals) for _, equals, _ in parts}
    if len(named) != 1 or not all(old and bool(new) is bool(equals) for old, equals, new in parts):
        raise UsageError(f"{option} {spec!r} is neither names (image,mask) nor renames (old=new,...)")
    return {old: new for old, _, new in parts} if named.pop() else [old for old, _, _ in parts]


def parse_types(option: str, spec: str | None) -> str | dict[str, str] | None:
    """One type for all, or types by input. Raises UsageError."""
    found = parse_names(option, spec)
    if not isinstance(found, list):
        return found
    if len(found) > 1:
        raise UsageError(f"{option} {spec!r}: give one type for all inputs, or NAME=TYPE for each")
    return found[0]


def parse_numbers(option: str, spec: str | None) -> list[float] | None:
    """0.5 or 0.485,0.456,0.406. Raises UsageError."""
    if spec is None:
        return None
    try:
        return [float(word) for word in spec.split(",")]
    except ValueError as error:
        raise UsageError(f"{option} {spec!r} is not a number, or numbers separated by commas") from error


def _parse(spec: str) -> tuple[str | None, Any]:
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise UsageError(
            f"{spec!r} is not a shape such as 1,3,224,224 (with every size given), with a name and a type where "
            "needed: ids=1,128:int64"
        )
    dtype = found["type"] or "float32"
    if dtype not in _TYPES:
        raise UsageError(f"{spec}: {dtype} is none of the types {', '.join(_TYPES)}")
    shape = () if found["shape"] == "scalar" else tuple(map(int, re.split("[,x]", found["shape"])))
    if 0 in shape:
        raise UsageError(f"{spec}: a dimension of size 0 holds nothing")
    limits = None if found["low"] is None else (int(found["low"]), int(found["high"]))
    return found["name"], _example(spec, shape, np.dtype(dtype), limits)


def _example(spec: str, shape: tuple[int, ...], dtype: np.dtype[Any], limits: tuple[int, int] | None) -> Any:
    """Random numbers, always the same ones; integers show the ends of their range."""
    rng = np.random.default_rng(0)
    if dtype.kind == "f":
        if limits is not None:
            raise UsageError(f"{spec}: a range is for integers; random floats are standard normal (or use --data)")
        return np.asarray(rng.standard_normal(shape), dtype)
    low, high = limits or (0, 1)
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not least <= low <= high <= most:
        raise UsageError(f"{spec}: {low}..{high} is no range of {dtype.name}")
    example = np.asarray(rng.integers(low, high, shape, endpoint=True), dtype)
    if example.size > 1:
        example.flat[0], example.flat[-1] = low, high
    return example
