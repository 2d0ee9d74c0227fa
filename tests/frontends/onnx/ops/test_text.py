"""N-grams against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.onnx.harness import check, model

POOL = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7]
COMMON: dict[str, Any] = {
    "ngram_counts": [0, 4],
    "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
    "weights": [0.5, 1.0, 2.0, 3.0, 0.25, 1.5, 1.0],
}
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize(("least", "most", "skip"), [(1, 1, 0), (2, 2, 0), (1, 2, 3), (2, 2, 5)])
@pytest.mark.parametrize("shape", [[12], [3, 6]], ids=str)
def test_n_grams(shape: list[int], least: int, most: int, skip: int, mode: str) -> None:
    lengths = {"min_gram_length": least, "max_gram_length": most, "max_skip_count": skip}
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], mode=mode, pool_int64s=POOL, **lengths, **COMMON)
    proto = model([node], {"x": shape}, ["y"], types={"x": TensorProto.INT64})
    check(proto, x=RNG.integers(2, 9, shape))


def test_strings_are_refused() -> None:
    lengths = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    node = helper.make_node(
        "TfIdfVectorizer", ["x"], ["y"], mode="TF", pool_strings=["a"], ngram_counts=[0], ngram_indexes=[0], **lengths
    )
    with pytest.raises(UnsupportedError, match="n-grams of strings"):
        liteport.convert(model([node], {"x": [4]}, ["y"], types={"x": TensorProto.INT64}))
