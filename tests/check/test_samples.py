"""Inputs for a comparison: random, from arrays, from images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from liteport.check.data import open_data
from liteport.check.samples import Random
from liteport.errors import InputError

FLOATS = np.zeros((2, 500), np.float32)
PICTURE = {"x": np.zeros((1, 3, 4, 6), np.float32)}


def drawn(example: dict[str, Any], count: int = 1, seed: int = 0) -> list[dict[str, Any]]:
    return list(Random(count, seed).samples("s", example))


def test_random_floats_are_standard_normal() -> None:
    x = drawn({"x": FLOATS})[0]["x"]
    assert x.dtype == np.float32
    assert x.shape == (2, 500)
    assert abs(x.mean()) < 0.1
    assert abs(x.std() - 1) < 0.1


def test_random_floats_keep_the_scale_of_the_example() -> None:
    example = np.random.default_rng(1).uniform(0, 255, (1, 3, 32, 32)).astype(np.float32)
    x = drawn({"x": example})[0]["x"]
    assert abs(x.mean() / example.mean() - 1) < 0.1
    assert abs(x.std() / example.std() - 1) < 0.1


# name, example, the values that must turn up, and no others
RANGES = [
    ("the example's range", np.array([3, 5, 4] * 50, np.int64), {3, 4, 5}),
    ("one value", np.array(7, np.int32), {7}),
    ("all of a type", np.array([-128, 127] * 5000, np.int8), set(range(-128, 128))),
    ("the ends of a wide type", np.array([2**63 - 2, 2**63 - 1] * 20, np.int64), {2**63 - 2, 2**63 - 1}),
    ("bools", np.zeros(50, bool), {False, True}),
]


@pytest.mark.parametrize(("example", "values"), [r[1:] for r in RANGES], ids=[r[0] for r in RANGES])
def test_random_integers(example: np.ndarray, values: set[int]) -> None:
    x = drawn({"x": example})[0]["x"]
    assert x.dtype == example.dtype
    assert x.shape == example.shape
    assert set(x.reshape(-1).tolist()) == values


def test_complex_and_empty() -> None:
    x = drawn({"c": np.zeros(4, np.complex64), "e": np.zeros((0, 3), np.int32)})[0]
    assert np.all(x["c"].imag != 0)
    assert x["e"].shape == (0, 3)


def test_seeded() -> None:
    same = [drawn({"x": FLOATS}, count=3, seed=s) for s in (0, 0, 1)]
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(same[0], same[1], strict=True))
    assert not np.array_equal(same[0][0]["x"], same[2][0]["x"])
    assert not np.array_equal(same[0][0]["x"], same[0][1]["x"])


# name, shape of the input, shape of the array, number of samples (0: an error)
SPLITS = [
    ("one sample", (1, 3), (1, 3), 1),
    ("batch axis counts", (1, 3), (5, 3), 5),
    ("an axis of its own", (1, 3), (5, 1, 3), 5),
    ("batches of two", (2, 3), (6, 3), 3),
    ("a remainder", (2, 3), (5, 3), 0),
    ("scalar", (), (4,), 4),
    ("another size", (1, 3), (5, 4), 0),
    ("another rank", (1, 3), (3,), 0),
]


@pytest.mark.parametrize(("shape", "stored", "count"), [s[1:] for s in SPLITS], ids=[s[0] for s in SPLITS])
def test_arrays_are_split(tmp_path: Path, shape: tuple[int, ...], stored: tuple[int, ...], count: int) -> None:
    array = np.arange(np.prod(stored), dtype=np.float32).reshape(stored)
    np.save(tmp_path / "a.npy", array)
    source, example = open_data(tmp_path / "a.npy"), {"x": np.zeros(shape, np.float32)}
    if not count:
        with pytest.raises(InputError, match="along its first axis"):
            source.samples("s", example)
        return
    samples = list(source.samples("s", example))
    assert len(samples) == count
    np.testing.assert_array_equal(np.concatenate([s["x"].reshape(-1) for s in samples]), array.reshape(-1))


def test_limit(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 3), np.float32))
    assert open_data(tmp_path / "a.npy", 2).samples("s", {"x": np.zeros((1, 3), np.float32)}).count == 2


def test_npz_by_name_and_signature(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(
        path, x=np.full((2, 3), 1.0), y=np.full((2, 1), 2), **{"b/x": np.full((4, 3), 3.0), "b/y": np.ones((4, 1))}
    )
    example = {"x": np.zeros((1, 3), np.float32), "y": np.zeros((1, 1), np.float32)}
    source = open_data(path)
    first, second = list(source.samples("a", example)), list(source.samples("b", example))
    assert (len(first), len(second)) == (2, 4)
    assert first[0]["x"].dtype == np.float32
    assert (first[0]["x"][0, 0], first[0]["y"][0, 0], second[0]["x"][0, 0]) == (1, 2, 3)


ONE = {"x": np.zeros((1, 3), np.float32)}
TWO = {**ONE, "y": np.zeros((1, 1), np.float32)}
INTEGERS = {"x": np.zeros((1, 3), np.int64)}

# name, what is in the .npz, the example, a piece of the message
MISFITS = [
    ("no such input", {"z": np.zeros((1, 3)), "x": np.zeros((1, 3))}, TWO, "no array for input y (it holds z, x)"),
    ("different numbers", {"x": np.zeros((4, 3)), "y": np.zeros((5, 1))}, TWO, "different numbers of samples"),
    ("floats for integers", {"x": np.zeros((1, 3))}, INTEGERS, "takes int64, the array holds float64"),
]


@pytest.mark.parametrize(("arrays", "example", "says"), [m[1:] for m in MISFITS], ids=[m[0] for m in MISFITS])
def test_misfits(tmp_path: Path, arrays: dict[str, Any], example: dict[str, Any], says: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError) as caught:
        open_data(tmp_path / "a.npz").samples("s", example)
    assert says in str(caught.value)


def test_a_lone_array_needs_no_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", anything=np.zeros((4, 3)))
    assert open_data(tmp_path / "a.npz").samples("s", ONE).count == 4


# name of the file, its bytes (None: there is none), a piece of the message
BROKEN = [
    ("missing.npz", None, "no such file"),
    ("missing.png", None, "no such file"),
    ("text.npz", b"hello", "cannot be read as NumPy arrays"),
    ("cut.npy", b"\x93NUMPY\x01\x00", "cannot be read as NumPy arrays"),
    ("empty.npy", b"", "cannot be read as NumPy arrays"),
    ("a.csv", b"1,2", "no source of samples"),
]


@pytest.mark.parametrize(("name", "content", "says"), BROKEN, ids=[b[0] for b in BROKEN])
def test_broken_files(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_data(tmp_path / name)
    assert says in str(caught.value)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match="Object arrays cannot be loaded"):
        open_data(tmp_path / "a.npz")


def save_image(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> None:
    Image.new("RGB", size, colour).save(path)


# name, example, the first pixel of a (255, 51, 0) image
FRAMES = [
    ("channels first", np.zeros((1, 3, 4, 6), np.float32), (0, slice(None), 0, 0), [1.0, 0.2, 0.0]),
    ("channels last", np.zeros((1, 4, 6, 3), np.float32), (0, 0, 0), [1.0, 0.2, 0.0]),
    ("bytes", np.zeros((1, 3, 4, 6), np.uint8), (0, slice(None), 0, 0), [255, 51, 0]),
    ("grey", np.zeros((1, 1, 8, 8), np.float32), (0, slice(None), 0, 0), [106 / 255]),
    ("alpha", np.zeros((1, 4, 5, 5), np.float32), (0, slice(None), 0, 0), [1.0, 0.2, 0.0, 1.0]),
]


@pytest.mark.parametrize(("like", "place", "pixel"), [f[1:] for f in FRAMES], ids=[f[0] for f in FRAMES])
def test_images(tmp_path: Path, like: np.ndarray, place: Any, pixel: list[float]) -> None:
    save_image(tmp_path / "a.png", (255, 51, 0), size=(20, 10))
    [sample] = open_data(tmp_path).samples("s", {"x": like})
    assert sample["x"].shape == like.shape
    assert sample["x"].dtype == like.dtype
    np.testing.assert_allclose(sample["x"][place], pixel, rtol=1e-6)


def test_images_in_order_and_in_batches(tmp_path: Path) -> None:
    for i, name in enumerate(["b.png", "a.bmp", "c.PNG"]):
        save_image(tmp_path / name, (10 * i, 0, 0))
    (tmp_path / "notes.txt").write_text("not an image")
    reds = [round(float(s["x"][0, 0, 0, 0]) * 255) for s in open_data(tmp_path).samples("s", PICTURE)]
    assert reds == [10, 0, 20]
    pairs = list(open_data(tmp_path).samples("s", {"x": np.zeros((2, 3, 4, 6), np.float32)}))
    assert [s["x"].shape for s in pairs] == [(2, 3, 4, 6)]
    assert open_data(tmp_path, 2).samples("s", PICTURE).count == 2
    assert open_data(tmp_path / "b.png").samples("s", PICTURE).count == 1


# name, example, a piece of the message
NOT_PICTURES = [
    ("two inputs", {**PICTURE, "y": np.zeros(1)}, "2 inputs (x, y): give an .npz"),
    ("rank", {"x": np.zeros((1, 10), np.float32)}, "needs 4 dimensions"),
    ("channels", {"x": np.zeros((1, 7, 9, 9), np.float32)}, "1, 3 or 4 channels"),
    ("integers", {"x": np.zeros((1, 3, 9, 9), np.int64)}, "floats or uint8"),
    ("batch", {"x": np.zeros((5, 3, 9, 9), np.float32)}, "holds 1 images, one sample of input x takes 5"),
]


@pytest.mark.parametrize(("example", "says"), [n[1:] for n in NOT_PICTURES], ids=[n[0] for n in NOT_PICTURES])
def test_inputs_that_take_no_images(tmp_path: Path, example: dict[str, Any], says: str) -> None:
    save_image(tmp_path / "a.png", (0, 0, 0))
    with pytest.raises(InputError) as caught:
        open_data(tmp_path).samples("s", example)
    assert says in str(caught.value)


def test_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images"):
        open_data(tmp_path)


def test_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
        list(open_data(tmp_path).samples("s", PICTURE))


def test_pillow_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_image(tmp_path / "a.png", (0, 0, 0))
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(InputError, match=r"liteport\[images\]"):
        list(open_data(tmp_path).samples("s", PICTURE))
