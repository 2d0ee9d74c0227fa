"""Moving elements between space and channels, and windows to columns and back."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import Array
from liteport.lowering import basic, indexing, padding
from liteport.lowering.pooling import OpenWindow, Window, places


def permute_channels(b: Builder, x: Value, axis: int, order: Array) -> Value:
    """x with channel i of the result being channel order[i]."""
    return x if np.array_equal(order, np.arange(len(order))) else basic.gather(b, x, order.tolist(), axis)


def shuffle_order(*sizes: int) -> Array:
    """The order that reads channels, counted in digits of `sizes`, with the last digit the slowest."""
    digits = np.arange(prod(sizes)).reshape(sizes)
    return np.moveaxis(digits, -1, 0).reshape(-1)


def pixel_shuffle(b: Builder, x: Value, factor: int) -> Value:
    """x[N,C*f*f,H,W] -> [N,C,H*f,W*f], the place within a block faster than the channel."""
    y = basic.channels_last(b, x)
    y = permute_channels(b, y, 3, shuffle_order(y.shape[3] // factor**2, factor**2))
    return basic.channels_first(b, b.emit(ops.DepthToSpace(block_size=factor), y))


def pixel_unshuffle(b: Builder, x: Value, factor: int) -> Value:
    """x[N,C,H*f,W*f] -> [N,C*f*f,H,W], the place within a block faster than the channel."""
    y = b.emit(ops.SpaceToDepth(block_size=factor), basic.channels_last(b, x))
    y = permute_channels(b, y, 3, shuffle_order(factor**2, x.shape[1]))
    return basic.channels_first(b, y)


def channel_shuffle(b: Builder, x: Value, groups: int) -> Value:
    """x[N,C,...] with the channels of `groups` dealt out in turn."""
    channels = x.shape[1]
    return permute_channels(b, x, 1, shuffle_order(groups, channels // groups))


def im2col(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """x[N,C,*space] -> [N,C*taps,count]: what every window sees, zeros for padding."""
    n, c, *space = x.shape
    if any(isinstance(w, OpenWindow) for w in windows):
        return _im2col_open(b, x, windows)
    size = prod(space)
    place, inside = places(windows)
    rows = _with_zero(b, basic.reshape(b, x, (n, c, size)), bool(inside.all()))
    seen = basic.gather(b, rows, b.const(np.where(inside, place, size).T.astype(np.int32)), 2)
    count, taps = place.shape
    return basic.reshape(b, seen, (n, c * taps, count))


def _im2col_open(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """`im2col` one dimension after the other, each of which becomes [count, taps]."""
    n, c = x.shape[:2]
    for axis, window in zip(range(2, 2 + 2 * len(windows), 2), windows, strict=True):
        pads = window.pads if isinstance(window, OpenWindow) else (0, int(window.is_padded))
        x = padding.pad_or_crop(b, x, [pads if i == axis else (0, 0) for i in range(x.rank)])
        x = basic.gather(b, x, _taps(b, window), axis)
    taps, counts = range(3, x.rank, 2), range(2, x.rank, 2)
    columns = (n, c * prod(x.shape[a] for a in taps), prod(x.shape[a] for a in counts))
    return basic.reshape(b, basic.transpose(b, x, [0, 1, *taps, *counts]), columns)


def _taps(b: Builder, window: Window) -> Value:
    """[count, taps]: what every window sees, padding being in place, or one zero for it at the end."""
    if isinstance(window, OpenWindow):
        return indexing.window_places(b, window.number, window.kernel, window.stride, window.dilation)
    return b.const(np.where(window.taps >= 0, window.taps, window.size).astype(np.int32))


def col2im(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """x[N,C*taps,count] -> [N,C,*space]: the sum of what windows saw at each element."""
    count, taps = places(windows)[0].shape
    sources = _sources(windows)
    n, c = x.shape[0], x.shape[1] // taps
    rows = _with_zero(b, basic.reshape(b, x, (n, c, taps * count)), bool((sources < taps * count).all()))
    seen = basic.gather(b, rows, b.const(sources.astype(np.int32)), 2)
    total = basic.reduce(b, ops.Sum, seen, [3]) if sources.shape[1] > 1 else seen
    return basic.reshape(b, total, (n, c, *(w.size for w in windows)))


def _with_zero(b: Builder, rows: Value, complete: bool) -> Value:
    """The rows with a zero at their end, for what is not `complete` without."""
    return rows if complete else basic.pad(b, rows, ((0, 0), (0, 0), (0, 1)))


def _sources(windows: Sequence[Window]) -> Array:
    """[elements, most]: which (tap, window), as one number, saw each element; their count where there are fewer."""
    place, inside = (table.T.reshape(-1) for table in places(windows))
    size = prod(w.size for w in windows)
    seen = np.flatnonzero(inside)
    seen = seen[np.argsort(place[seen], kind="stable")]
    counts = np.bincount(place[seen], minlength=size)
    starts = np.cumsum(counts) - counts
    table = np.full((size, max(counts.max(), 1)), len(place))
    table[place[seen], np.arange(len(seen)) - starts[place[seen]]] = seen
    return table
