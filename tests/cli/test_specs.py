"""What --input and --entry say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liteport.cli.specs import parse_entries, parse_inputs, parse_names, parse_numbers, parse_types
from liteport.errors import UsageError

# spec, name, dtype, shape, the ends of its range where it has one
SPECS = [
    ("1,3,24,94", None, "float32", (1, 3, 24, 94), None),
    ("1x3x24x94", None, "float32", (1, 3, 24, 94), None),
    (" 7 ", None, "float32", (7,), None),
    ("x=1,3", "x", "float32", (1, 3), None),
    ("1,128:int64", None, "int64", (1, 128), (0, 1)),
    ("ids=1,128:int32:0..999", "ids", "int32", (1, 128), (0, 999)),
    ("4:int8:-3..3", None, "int8", (4,), (-3, 3)),
    ("scalar:float64", None, "float64", (), None),
    ("n=scalar", "n", "float32", (), None),
    ("5,5:bool", None, "bool", (5, 5), (False, True)),
    ("5:uint8:0..255", None, "uint8", (5,), (0, 255)),
]


@pytest.mark.parametrize(("spec", "name", "dtype", "shape", "ends"), SPECS, ids=[s[0] for s in SPECS])
def test_inputs(spec: str, name: str | None, dtype: str, shape: tuple[int, ...], ends: tuple[int, int] | None) -> None:
    args, kwargs = parse_inputs([spec])
    assert list(kwargs) == ([name] if name else [])
    [array] = [*args, *kwargs.values()]
    assert (array.dtype, array.shape) == (np.dtype(dtype), shape)
    if ends is not None:
        assert (array.min(), array.max()) == ends


def test_several_inputs_in_order() -> None:
    args, kwargs = parse_inputs(["1,2", "b=3", "4:int64", "a=5"])
    assert [a.shape for a in args] == [(1, 2), (4,)]
    assert [(n, a.shape) for n, a in kwargs.items()] == [("b", (3,)), ("a", (5,))]


def test_entries() -> None:
    entries = parse_entries(["template=1,3", "find:track=2,3;ids=4:int64:0..9"])
    assert {name: entry[0] for name, entry in entries.items()} == {"template": "template", "find": "track"}
    _, args, kwargs = entries["find"]
    assert [a.shape for a in args] == [(2, 3)]
    assert kwargs["ids"].max() == 9


# option, what is said
ERRORS = [
    (["1,-1,3"], "'1,-1,3' is not a shape such as 1,3,224,224"),
    (["1,3,"], "is not a shape"),
    ([""], "is not a shape"),
    (["a b=1"], "is not a shape"),
    (["1,3:float"], "float is none of the types float32"),
    (["1,0"], "a dimension of size 0"),
    (["1:int8:0..300"], "0..300 is no range of int8"),
    (["1:int64:5..3"], "5..3 is no range"),
    (["1:bool:0..2"], "0..2 is no range of bool"),
    (["1:float32:0..2"], "a range is for integers"),
    (["x=1", "x=2"], "--input x is given twice"),
]


@pytest.mark.parametrize(("specs", "says"), ERRORS, ids=[e[1] for e in ERRORS])
def test_wrong_inputs(specs: list[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_inputs(specs)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        (["1,3,4"], "is not NAME=SHAPE"),
        (["a:1x=3"], "is not NAME=SHAPE"),
        (["a/b=3"], "is not NAME=SHAPE"),
        (["a=1,3;"], "'' is not a shape"),
        (["a=1", "a=2"], "--entry a is given twice"),
    ],
)
def test_wrong_entries(specs: list[str], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_entries(specs)
    assert says in str(caught.value)


NAMES = [
    (None, None),
    ("image", ["image"]),
    ("image, mask", ["image", "mask"]),
    ("x=image,y=mask", {"x": "image", "y": "mask"}),
]


@pytest.mark.parametrize(("spec", "expected"), NAMES)
def test_names(spec: str | None, expected: Any) -> None:
    assert parse_names("--input-names", spec) == expected


@pytest.mark.parametrize("spec", ["", "a,", "a=", "=b", "a,b=c"])
def test_names_that_are_none(spec: str) -> None:
    with pytest.raises(UsageError, match="neither names"):
        parse_names("--input-names", spec)


def test_types_and_numbers() -> None:
    assert parse_types("--input-dtype", "uint8") == "uint8"
    assert parse_types("--input-dtype", "x=uint8,ids=int32") == {"x": "uint8", "ids": "int32"}
    with pytest.raises(UsageError, match="one type for all"):
        parse_types("--input-dtype", "uint8,int32")
    assert parse_numbers("--mean", None) is None
    assert parse_numbers("--mean", "0.5,1e-2") == [0.5, 0.01]
    with pytest.raises(UsageError, match="not a number"):
        parse_numbers("--mean", "0.5;1")
