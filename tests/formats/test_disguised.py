"""Web pages, pointers and packed files under a model's name."""

from __future__ import annotations

from pathlib import Path

import pytest

import liteport
from liteport.errors import InputError

CONTENTS = [
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "a Git LFS pointer"),
    (b"<!DOCTYPE html><html></html>", "a web page"),
    (b"\x1f\x8b\x08" + bytes(20), "compressed by gzip"),
]


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".pb", ".keras", ".h5", ".pth"])
@pytest.mark.parametrize(("content", "text"), CONTENTS, ids=[text for _, text in CONTENTS])
def test_what_a_file_really_is_is_said(tmp_path: Path, suffix: str, content: bytes, text: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=text):
        liteport.convert(path)
