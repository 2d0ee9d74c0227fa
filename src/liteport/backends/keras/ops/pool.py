"""Windows without weights: pooling, resizing, dilation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import CHANNELS_LAST, Emission, Emit, Emitters
from liteport.backends.keras.ops._common import fixed, ints
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import Array, Shape

_FACTORS = 65  # above the whole factors that are looked for


def pool(layer: Any) -> Emit:
    """A pooling layer of Keras's."""
    return lambda e, operator, x: e.activate(_pooled(e, layer, operator, e.symbolic(x)), operator.activation)


def l2_pool(e: Emission, operator: ops.L2Pool2D, x: Value) -> Any:
    """The root of the mean of squares."""
    squares = _pooled(e, keras.layers.AveragePooling2D, operator, e.run(keras.ops.square, e.symbolic(x)))
    return e.activate(e.run(keras.ops.sqrt, squares), operator.activation)


def _pooled(e: Emission, layer: Any, operator: Any, x: Any) -> Any:
    windows = {"pool_size": operator.filter, "strides": operator.stride, "padding": operator.padding.value.lower()}
    return e.layer(layer, x, **windows, **CHANNELS_LAST)


def resize_nearest(e: Emission, operator: ops.ResizeNearestNeighbor, x: Value, _: Value) -> Any:
    """Whole factors are a layer, others rows and columns that are taken."""
    factors = _factors(x.shape[1:3], e.result.shape[1:3])
    if factors and not operator.align_corners:
        return e.layer(keras.layers.UpSampling2D, e.symbolic(x), size=factors, **CHANNELS_LAST)
    result = e.tensor(x)
    sizes, target = fixed(e, x.shape[1:3], "resizes"), fixed(e, e.result.shape[1:3], "makes")
    for axis, (old, new) in enumerate(zip(sizes, target, strict=True), start=1):
        result = e.run(keras.ops.take, result, _nearest(operator, old, new), axis=axis)
    return result


def _factors(sizes: Shape, target: Shape) -> tuple[int, ...]:
    """The whole numbers that make the sizes the target's, none where there are none such."""
    found = [next((n for n in range(1, _FACTORS) if d * n == t), 0) for d, t in zip(sizes, target, strict=True)]
    return tuple(found) if all(found) else ()


def _nearest(operator: ops.ResizeNearestNeighbor, old: int, new: int) -> Array:
    """The old pixel that each new one is, as the kernel works it out in float32."""
    aligned = operator.align_corners and new > 1
    scale = np.float32(old - 1) / np.float32(new - 1) if aligned else np.float32(old) / np.float32(new)
    offset = np.float32(0.5 if operator.half_pixel_centers else 0)
    at = ((np.arange(new, dtype=np.float32) + offset) * scale).astype(np.float64)
    return np.clip(np.floor(at + 0.5 * operator.align_corners), 0, old - 1).astype(np.int32)


def resize_bilinear(e: Emission, operator: ops.ResizeBilinear, x: Value, _: Value) -> Any:
    """Keras knows the form with half pixels; the others are products with matrices of weights."""
    (height, width), target = fixed(e, x.shape[1:3], "resizes"), fixed(e, e.result.shape[1:3], "makes")
    if operator.half_pixel_centers:
        return e.run(keras.ops.image.resize, e.symbolic(x), target, interpolation="bilinear", **CHANNELS_LAST)
    rows = e.fixed(_mixture(_places(operator, height, target[0]), height))
    columns = e.fixed(_mixture(_places(operator, width, target[1]), width))
    tall = e.run(keras.ops.einsum, "oh,nhwc->nowc", rows, e.symbolic(x))
    return e.run(keras.ops.einsum, "pw,nowc->nopc", columns, tall)


def _places(operator: Any, old: int, new: int) -> Array:
    """Where the new pixels lie among the old ones, as the kernels work it out."""
    at = np.arange(new, dtype=np.float32)
    if operator.align_corners and new > 1:
        return at * (np.float32(old - 1) / np.float32(new - 1))
    scale = np.float32(old) / np.float32(new)
    return (at + np.float32(0.5)) * scale - np.float32(0.5) if operator.half_pixel_centers else at * scale


def _mixture(places: Array, old: int) -> Array:
    """[new, old]: how much of each old pixel is in each new one."""
    lower = np.maximum(np.floor(places), 0).astype(int)
    upper = np.minimum(np.ceil(places), old - 1).astype(int)
    share = (places - lower).astype(np.float32)
    weights = np.zeros((len(places), old), np.float32)
    np.add.at(weights, (np.arange(len(places)), lower), 1 - share)
    np.add.at(weights, (np.arange(len(places)), upper), share)
    return weights


def dilate(e: Emission, _: ops.Dilate, x: Value, dilations: Value, value: Value) -> Any:
    """Each element becomes the first of a block, and what stands behind the last one is cut off."""
    steps = ints(e, dilations, "its dilations")
    if not value.is_const:
        raise e.refuse("computes what it puts between")
    result = e.tensor(x)
    for axis, (step, size) in enumerate(zip(steps, fixed(e, x.shape, "spreads"), strict=True)):
        apart = e.run(keras.ops.expand_dims, result, axis + 1)
        pairs = [(0, 0)] * (x.rank + 1)
        pairs[axis + 1] = (0, step - 1)
        wide = e.run(keras.ops.pad, apart, tuple(pairs), constant_values=value.array.item())
        whole = e.run(keras.ops.reshape, wide, (*result.shape[:axis], size * step, *result.shape[axis + 1 :]))
        key = (*[slice(None)] * axis, slice(0, (size - 1) * step + 1))
        result = e.run(keras.ops.get_item, whole, key)
    return result


EMITTERS: Emitters = {
    ops.AveragePool2D: pool(keras.layers.AveragePooling2D),
    ops.Dilate: dilate,
    ops.L2Pool2D: l2_pool,
    ops.MaxPool2D: pool(keras.layers.MaxPooling2D),
    ops.ResizeBilinear: resize_bilinear,
    ops.ResizeNearestNeighbor: resize_nearest,
}
