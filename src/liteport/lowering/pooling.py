"""Pooling in the source's order of dimensions, [N,C,*space], 1 to 3 spatial dimensions, on 2-d kernels.

Poolings are separable: a third dimension is pooled by itself, over planes that are one row each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed, larger
from liteport.ir.types import Array, DType
from liteport.lowering import basic, computed_matrices, linear, padding


@dataclass(frozen=True, eq=False)
class Window:
    """Where a pooling looks along one dimension of `size` elements.

    taps[o, t] is the element that output o sees as tap t, -1 where that is padding. `stride` and
    `before` (elements of padding ahead) are those of evenly spaced windows of neighbours; a stride
    of 0 marks all others. An average divides the sum of window o by `divisor`[o], by default the
    number of elements that it sees.
    """

    size: int
    taps: Array
    stride: int = 0
    before: int = 0
    divisor: Array | None = None

    @property
    def count(self) -> int:
        """Number of windows."""
        return int(self.taps.shape[0])

    @property
    def kernel(self) -> int:
        """Taps of each window."""
        return int(self.taps.shape[1])

    @property
    def is_padded(self) -> bool:
        return bool((self.taps < 0).any())

    @property
    def is_whole(self) -> bool:
        """One window over everything."""
        return self.count == 1 and self.kernel == self.size and not self.is_padded

    @property
    def is_identity(self) -> bool:
        """A window of its own for each element."""
        return self.kernel == 1 and np.array_equal(self.taps[:, 0], np.arange(self.size))

    @property
    def is_same(self) -> bool:
        """Whether SAME sees as much."""
        return padding.is_same(self.size, self.kernel, self.stride, 1, self.before, self.count)

    @property
    def pads(self) -> tuple[int, int]:
        """The padding that evenly spaced windows need."""
        return self.before, max((self.count - 1) * self.stride + self.kernel - self.size - self.before, 0)

    @property
    def filled(self) -> Array:
        """The taps, with a window's first element in the place of padding, which changes no maximum."""
        first = np.take_along_axis(self.taps, (self.taps >= 0).argmax(axis=1)[:, None], axis=1)
        return np.where(self.taps >= 0, self.taps, first)

    @property
    def divisors(self) -> Array:
        seen: Array = (self.taps >= 0).sum(axis=1)
        return seen if self.divisor is None else np.broadcast_to(self.divisor, seen.shape)

    @property
    def correction(self) -> Array:
        """What the mean over a whole kernel, padding included, must be multiplied with."""
        return self.kernel / self.divisors

    @property
    def matrix(self) -> Array:
        """[count, size]: the average as a matrix."""
        rows, places = np.nonzero(self.taps >= 0)
        matrix = np.zeros((self.count, self.size))
        matrix[rows, self.taps[rows, places]] = 1 / self.divisors[rows]
        return matrix


@dataclass(frozen=True, eq=False)
class OpenWindow(Window):
    """`number` evenly spaced windows over a size that is only known when the model runs: no table of what they see.

    `everything`: one window over all of it. `uneven`: windows as adaptive() has them, from floor to ceil.
    """

    number: int = 1
    dilation: int = 1
    everything: bool = False
    uneven: bool = False

    @property
    def count(self) -> int:
        return self.number

    @property
    def pads(self) -> tuple[int, int]:
        before, reach = self.before, (self.kernel - 1) * self.dilation + 1
        if (self.size + 2 * before - reach) // self.stride + 1 == self.number:
            return before, before
        return before, larger((self.number - 1) * self.stride + reach - self.size - before, 0)

    @property
    def is_padded(self) -> bool:
        return bool(self.stride) and self.pads != (0, 0)

    @property
    def is_same(self) -> bool:
        return self.dilation == 1 and super().is_same

    @property
    def is_whole(self) -> bool:
        return self.everything

    @property
    def is_identity(self) -> bool:
        return self.kernel == self.stride == 1 and self.number == self.size

    @property
    def divisors(self) -> Array:
        if self.divisor is None:
            raise UnsupportedError(f"pooling over {self.size} elements needs to know how many: leave that size fixed")
        return self.divisor

    filled = matrix = divisors  # no tables either


def sliding(size: int, kernel: int, stride: int, before: int = 0, dilation: int = 1, *, count: int) -> Window:
    """`count` windows of `kernel`, one every `stride`, the first `before` elements ahead of the first element."""
    if not is_fixed((size, count)):
        return OpenWindow(size, np.zeros((0, kernel)), stride, before, number=count, dilation=dilation)
    taps = np.arange(count)[:, None] * stride - before + np.arange(kernel) * dilation
    taps = np.where((taps >= 0) & (taps < size), taps, -1)
    return Window(size, taps, stride, before) if dilation == 1 or kernel == 1 else Window(size, taps)


def adaptive(size: int, count: int) -> Window:
    """`count` windows over `size` elements: the o-th from floor(o * size / count) to ceil((o + 1) * size / count)."""
    if size == count:
        return sliding(size, 1, 1, count=count)
    if count == 1 and not is_fixed([size]):
        return OpenWindow(size, np.zeros((0, 1)), everything=True)
    if not is_fixed((size, count)):
        return OpenWindow(size, np.zeros((0, 0)), number=count, uneven=True)
    if size % count == 0:
        return sliding(size, size // count, size // count, count=count)
    first, last = np.arange(count) * size // count, -(-np.arange(1, count + 1) * size // count)
    taps = first[:, None] + np.arange((last - first).max())
    return Window(size, np.where(taps < last[:, None], taps, -1))


Pool = Callable[[Builder, Value, Sequence[Window]], Value]


def max_pool(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """The largest element of each window."""
    if all(w.is_whole for w in windows):
        return basic.reduce(b, ops.ReduceMax, x, range(2, x.rank), keep_dims=True)
    if _is_flat(x, windows):
        return _with_depths_for_channels(b, x, windows, max_pool)
    return _by_planes(b, x, windows, _max_2d)


def average_pool(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """The sum of each window's elements by the product of its divisors."""
    if all(w.is_whole and w.divisor is None for w in windows):
        return basic.reduce(b, ops.Mean, x, range(2, x.rank), keep_dims=True)
    if len(windows) == 3 and x.shape[1] == 1 and windows[1].is_identity and windows[2].is_identity:
        return _average_across(b, x, windows)
    if _is_flat(x, windows):
        return _with_depths_for_channels(b, x, windows, average_pool)
    return _by_planes(b, x, windows, _average_2d)


def _is_flat(x: Value, windows: Sequence[Window]) -> bool:
    """Whether it is one channel in three dimensions, pooled in the last two only."""
    depth = windows[0]
    thin = depth.kernel == 1 and depth.stride and not depth.is_padded and depth.divisor is None
    return len(windows) == 3 and x.shape[1] == 1 and bool(thin)


def _with_depths_for_channels(b: Builder, x: Value, windows: Sequence[Window], pool: Pool) -> Value:
    """x[N,1,D,H,W] pooled as [N,D,H,W]: an ordinary pooling, which stays in the layout of what is around."""
    depth, *plane = windows
    end = (depth.count - 1) * depth.stride + 1
    y = basic.strided_slice(b, basic.squeeze(b, x, 1), 1, 0, end, depth.stride)
    return basic.unsqueeze(b, pool(b, y, plane), 1)


def max_indices(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """Where the largest (first of equals) of each window stands, counted over all spatial dimensions, int64."""
    if all(w.is_whole for w in windows):
        pixels = basic.reshape(b, x, (*x.shape[:2], prod(x.shape[2:])))
        found = b.emit(ops.ArgMax(output_type=DType.INT64), pixels, basic.ints(b, [2]))
        return basic.reshape(b, found, (*x.shape[:2], *(1 for _ in windows)))
    place, inside = places(windows)
    first_seen = np.take_along_axis(place, inside.argmax(axis=1)[:, None], axis=1)
    table = np.where(inside, place, first_seen)
    n, c = x.shape[:2]
    rows = basic.reshape(b, x, (n, c, prod(x.shape[2:])))
    seen = basic.gather(b, rows, b.const(table.astype(np.int32)), 2)
    tap = b.emit(ops.ArgMax(), seen, basic.ints(b, [3]))
    begins = np.arange(len(table), dtype=np.int64) * table.shape[1]
    at = b.emit(ops.Add(), tap, b.const(begins))
    found = basic.gather(b, b.const(table.reshape(-1).astype(np.int64)), at, 0)
    return basic.reshape(b, found, (n, c, *(w.count for w in windows)))


def places(windows: Sequence[Window]) -> tuple[Array, Array]:
    """[windows, taps]: what each window sees, as places in all dimensions as one, and whether it is no padding."""
    space = len(windows)
    place: Array = np.zeros((), np.int64)
    inside: Array = np.ones((), bool)
    if any(isinstance(w, OpenWindow) for w in windows):
        raise UnsupportedError(
            "tables of windows, or positions of maxima, over sizes that are not fixed: leave them fixed"
        )
    for axis, w in enumerate(windows):
        shape = [1] * 2 * space
        shape[axis], shape[space + axis] = w.taps.shape
        taps = w.taps.reshape(shape)
        place, inside = place * w.size + taps, inside & (taps >= 0)
    count = prod(w.count for w in windows)
    return place.reshape(count, -1), inside.reshape(count, -1)


Plane = Callable[[Builder, Value, Window, Window], Value]
"""Pools x[N,H,W,C] by a window for the rows and one for the columns."""


def _by_planes(b: Builder, x: Value, windows: Sequence[Window], plane: Plane) -> Value:
    """x[N,C,*space] pooled by `plane`: one dimension as a single row, three as depth first, then each depth's plane."""
    if x.rank == 3:
        y = _by_planes(b, basic.unsqueeze(b, x, 2), (_every(1), *windows), plane)
        return basic.squeeze(b, y, 2)
    y = basic.channels_last(b, x)
    if x.rank == 4:
        return basic.channels_first(b, plane(b, y, *windows))
    depth, rows, columns = windows
    n, d, height, width, c = y.shape
    y = plane(b, basic.reshape(b, y, (n, d, height * width, c)), depth, _every(height * width))
    y = plane(b, basic.reshape(b, y, (n * depth.count, height, width, c)), rows, columns)
    return basic.channels_first(b, basic.reshape(b, y, (n, depth.count, *y.shape[1:])))


def _every(size: int) -> Window:
    """Each element as it is."""
    return sliding(size, 1, 1, count=size)


def _max_2d(b: Builder, x: Value, rows: Window, columns: Window) -> Value:
    x, rows = _evenly(b, x, 1, rows)
    x, columns = _evenly(b, x, 2, columns)
    if rows.is_identity and columns.is_identity:
        return x
    same = (rows.is_padded or columns.is_padded) and rows.is_same and columns.is_same
    if not same:
        x = basic.pad(b, x, ((0, 0), rows.pads, columns.pads, (0, 0)), padding.lowest(x.dtype))
    mode = Padding.SAME if same else Padding.VALID
    return b.emit(ops.MaxPool2D(mode, (rows.stride, columns.stride), (rows.kernel, columns.kernel)), x)


def _evenly(b: Builder, x: Value, axis: int, window: Window) -> tuple[Value, Window]:
    """x with its elements so chosen that the windows over it are evenly spaced ones; one tap is a matter of slicing."""
    if window.kernel == 1 and not window.is_padded and window.stride:
        last = (window.count - 1) * window.stride
        return basic.strided_slice(b, x, axis, 0, last + 1, window.stride), _every(window.count)
    if isinstance(window, OpenWindow):
        return _evenly_open(b, x, axis, window)
    if window.stride:
        return x, window
    x = basic.gather(b, x, window.filled.reshape(-1).tolist(), axis)
    return x, sliding(x.shape[axis], window.kernel, window.kernel, count=window.count)


def _evenly_open(b: Builder, x: Value, axis: int, window: OpenWindow) -> tuple[Value, Window]:
    """`_evenly` for a size that is not known: maxima that the kernel does not find are found here."""
    if window.everything:
        return basic.reduce(b, ops.ReduceMax, x, [axis], keep_dims=True), _every(1)
    if window.uneven:
        raise UnsupportedError(
            f"the maxima of {window.number} uneven windows over {window.size} elements: leave it fixed"
        )
    if window.dilation == 1 or window.kernel == 1:
        return x, window
    x = basic.pad(b, x, [window.pads if i == axis else (0, 0) for i in range(x.rank)], padding.lowest(x.dtype))
    span = (window.number - 1) * window.stride + 1
    starts = [tap * window.dilation for tap in range(window.kernel)]
    taps = [basic.strided_slice(b, x, axis, start, start + span, window.stride) for start in starts]
    return reduce(lambda left, right: b.emit(ops.Maximum(), left, right), taps), _every(window.number)


def _average_2d(b: Builder, x: Value, rows: Window, columns: Window) -> Value:
    if not (rows.stride and columns.stride):
        return _average_along(b, _average_along(b, x, 1, rows), 2, columns)
    kernel, stride = (rows.kernel, columns.kernel), (rows.stride, columns.stride)
    if rows.divisor is None and columns.divisor is None:
        if rows.is_identity and columns.is_identity:
            return x
        if not (rows.is_padded or columns.is_padded):
            return b.emit(ops.AveragePool2D(Padding.VALID, stride, kernel), x)
        if rows.is_same and columns.is_same:
            return b.emit(ops.AveragePool2D(Padding.SAME, stride, kernel), x)
        if isinstance(rows, OpenWindow) or isinstance(columns, OpenWindow):
            return _average_of_seen(b, x, rows, columns)
    x = basic.pad(b, x, ((0, 0), rows.pads, columns.pads, (0, 0)))
    if kernel != (1, 1) or stride != (1, 1):
        x = b.emit(ops.AveragePool2D(Padding.VALID, stride, kernel), x)
    factor = np.outer(rows.correction, columns.correction)
    if np.all(factor == 1):
        return x
    constant = factor.flat[0] if np.all(factor == factor.flat[0]) else factor[None, :, :, None]
    return b.emit(ops.Mul(), x, b.const(np.asarray(constant, np.float32)))


def _average_along(b: Builder, x: Value, axis: int, window: Window) -> Value:
    if not isinstance(window, OpenWindow):
        return linear.along(b, x, axis, window.matrix)
    if window.everything:
        return basic.reduce(b, ops.Mean, x, [axis], keep_dims=True)
    if window.uneven:
        return computed_matrices.along(b, x, axis, computed_matrices.shares(b, window.size, window.number))
    one = _every(x.shape[3 - axis])
    return _average_2d(b, x, window, one) if axis == 1 else _average_2d(b, x, one, window)


def _average_of_seen(b: Builder, x: Value, rows: Window, columns: Window) -> Value:
    """The average with padding, over that of ones with padding: how much of a window is no padding."""
    ones = b.emit(ops.Fill(), basic.ints(b, (1, *x.shape[1:3], 1)), basic.scalar(b, 1, x))
    pool = ops.AveragePool2D(Padding.VALID, (rows.stride, columns.stride), (rows.kernel, columns.kernel))
    pads = ((0, 0), rows.pads, columns.pads, (0, 0))
    return b.emit(ops.Div(), *(b.emit(pool, basic.pad(b, value, pads)) for value in (x, ones)))


def _average_across(b: Builder, x: Value, windows: Sequence[Window]) -> Value:
    """x[N,1,D,H,W] along D only, by a matrix: how local response norm writes the sum over neighbouring channels.

    Measured 12 times faster than LOCAL_RESPONSE_NORMALIZATION at 64 channels.
    """
    n, _, d, height, width = x.shape
    y = basic.channels_last(b, basic.reshape(b, x, (n, d, height, width)))
    matrix = windows[0].matrix / windows[1].divisors[0] / windows[2].divisors[0]
    y = basic.channels_first(b, linear.along(b, y, 3, matrix))
    return basic.reshape(b, y, (n, 1, *y.shape[1:]))
