"""Sharing and streaming of constants."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from liteport.backends.tflite.buffers import BufferPool, chunks

ARRAY = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
VIEWS = [
    pytest.param(ARRAY, id="contiguous"),
    pytest.param(ARRAY.transpose(3, 1, 0, 2), id="transposed"),
    pytest.param(ARRAY[:, ::2, 1:, ::-1], id="sliced"),
    pytest.param(ARRAY.astype(">f4"), id="big-endian"),
    pytest.param(np.broadcast_to(ARRAY[:1], ARRAY.shape), id="broadcast"),
    pytest.param(ARRAY[0, 0, 0, 0], id="numpy-scalar-of-an-array"),
    pytest.param(np.float64(3.0).reshape(()), id="scalar"),
    pytest.param(ARRAY > 7, id="bool"),
    pytest.param(ARRAY.astype(np.complex64), id="complex"),
    pytest.param(np.zeros((3, 0, 2), np.int64), id="empty"),
    pytest.param(np.frombuffer(b"?" + ARRAY.tobytes(), np.float32, offset=1), id="unaligned"),
]


@pytest.mark.parametrize("array", VIEWS)
@pytest.mark.parametrize("limit", [1, 7, 64, 1 << 20])
def test_chunks_are_the_bytes_in_row_major_order(array: np.ndarray, limit: int) -> None:
    array = np.asarray(array)
    expected = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    assert b"".join(bytes(chunk) for chunk in chunks(array, limit)) == expected


def test_a_big_transposed_array_is_never_copied_whole() -> None:
    array = np.zeros((2048, 4096), np.float32).T
    tracemalloc.start()
    for chunk in chunks(array):
        assert len(chunk) <= 1 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes / 8


def test_a_big_contiguous_array_is_not_copied_at_all() -> None:
    array = np.zeros(1 << 22, np.float32)
    tracemalloc.start()
    assert sum(len(chunk) for chunk in chunks(array)) == array.nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000


def test_equal_bytes_are_one_buffer() -> None:
    pool = BufferPool()
    same = [ARRAY, ARRAY.copy(), ARRAY.reshape(6, 20), ARRAY.view(np.int32), np.asfortranarray(ARRAY)]
    assert [pool.add(array) for array in same] == [1] * len(same)
    assert len(pool.arrays) == 2


def test_arrays_that_differ_at_the_end_are_two_buffers() -> None:
    pool = BufferPool()
    long = np.zeros(10_000, np.float32)
    other = long.copy()
    other[-1] = 1
    assert [pool.add(a) for a in (long, other, long.copy(), other.copy())] == [1, 2, 1, 2]


def test_a_transposed_view_of_one_memory_is_another_buffer() -> None:
    pool = BufferPool()
    square = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert [pool.add(square), pool.add(square.T), pool.add(square.T)] == [1, 2, 2]


def test_arrays_of_no_elements_share_a_buffer_that_is_not_buffer_0() -> None:
    pool = BufferPool()
    assert [pool.add(np.zeros(0, np.int32)), pool.add(np.zeros((0, 3), np.float32))] == [1, 1]
