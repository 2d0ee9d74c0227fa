"""Counting n-grams of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import Array, DType
from liteport.lowering import basic, linear
from liteport.lowering.formula import Term


def tfidf(
    b: OnnxBuilder,
    x: Value,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: Sequence[int],
    ngram_indexes: Sequence[int],
    pool_int64s: Sequence[int] = (),
    pool_strings: Sequence[str] = (),
    weights: Sequence[float] = (),
) -> Value:
    """TfIdfVectorizer(X, max_gram_length, max_skip_count, min_gram_length, mode, ngram_counts, ngram_indexes,
    pool_int64s, weights): how often each n-gram of the pool stands in x, also with some elements left out between."""
    if pool_strings or mode not in ("TF", "IDF", "TFIDF"):
        raise UnsupportedError(f"n-grams of strings, or mode {mode}: count whole numbers by TF, IDF or TFIDF")
    rows = basic.reshape(b, x, (1, x.type.size)) if x.rank < 2 else x
    counted = []
    for length, (start, end) in enumerate(zip(ngram_counts, [*ngram_counts[1:], len(pool_int64s)], strict=True), 1):
        pool = np.array(pool_int64s[start:end], np.int64).reshape(-1, length)
        inside = min_gram_length <= length <= max_gram_length
        counted.append(_counts(b, rows, pool, max_skip_count if length > 1 else 0) if inside else _none(b, rows, pool))
    total = basic.concat(b, counted, 1)
    places = np.zeros((max(ngram_indexes) + 1, len(ngram_indexes)), np.float32)
    factors = np.asarray(weights if weights and mode != "TF" else np.ones(len(ngram_indexes)), np.float32)
    places[ngram_indexes, np.arange(len(ngram_indexes))] = factors
    if mode == "IDF":
        total = (Term(b, total) > 0.0).cast(DType.FLOAT32).value
    out = linear.along(b, total, 1, places)
    return out if x.rank == 2 else basic.reshape(b, out, (len(places),))


def _none(b: OnnxBuilder, rows: Value, pool: Array) -> Value:
    return b.const(np.zeros((rows.shape[0], len(pool)), np.float32))


def _counts(b: OnnxBuilder, rows: Value, pool: Array, most: int) -> Value:
    """How often each n-gram of pool[G, n] stands in the rows, with up to `most` elements between: [N, G] floats."""
    (count, size), (grams, length) = rows.shape, pool.shape
    total = Term(b, _none(b, rows, pool))
    for step in range(1, most + 2):
        starts = size - step * (length - 1)
        if starts <= 0 or not grams:
            break
        hit: Term | None = None
        for at in range(length):
            part = basic.reshape(b, basic.narrow(b, rows, 1, at * step, starts), (count, starts, 1))
            same = Term(b, part).equals(Term(b, b.const(pool[:, at].astype(rows.dtype.numpy))))
            hit = same if hit is None else Term(b, b.emit(ops.LogicalAnd(), hit.value, same.value))
        assert hit is not None
        total = total + hit.cast(DType.FLOAT32).reduce(ops.Sum, [1])
    return total.value


LOWERINGS: Table = {("", "TfIdfVectorizer"): tfidf}
