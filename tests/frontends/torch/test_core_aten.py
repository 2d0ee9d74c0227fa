"""The core ATen operators: each has a lowering, or a reason why it needs none."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch._ops import OpOverload

from liteport.frontends.torch.export import lookup
from liteport.frontends.torch.ops import LOWERINGS

REASONS = {
    "training": {
        *("_adaptive_avg_pool2d_backward.default", "avg_pool2d_backward.default", "convolution_backward.default"),
        *("embedding_dense_backward.default", "max_pool2d_with_indices_backward.default"),
        *("native_group_norm_backward.default", "native_layer_norm_backward.default"),
        "_native_batch_norm_legit.default",  # it updates the running statistics
    },
    "random numbers": {"rand.default", "randn.default", "randperm.default"},
    "PyTorch's memory, not values": {"resize_.default", "sym_storage_offset.default"},
    "sizes, which the importer computes": {"sym_size.int", "sym_numel.default"},
    "strides, which torch.export settles": {"sym_stride.int", "sym_is_contiguous.default"},
    "a result is written into an argument, which torch.export makes functional": {"atan2.out"},
}


def core() -> Iterator[OpOverload]:
    """The operators that PyTorch tags as core."""
    schemas = (schema.name for schema in torch._C._jit_get_all_schemas())
    for name in sorted({name.removeprefix("aten::") for name in schemas if name.startswith("aten::")}):
        packet = getattr(torch.ops.aten, name, None)
        overloads = [getattr(packet, each) for each in packet.overloads()] if packet is not None else []
        yield from (each for each in overloads if torch.Tag.core in each.tags)


def test_every_core_operator_is_lowered_or_has_a_reason() -> None:
    operators = list(core())
    assert len(operators) > 150
    missing = {str(each).removeprefix("aten.") for each in operators if lookup(LOWERINGS, each) is None}
    assert missing == {name for names in REASONS.values() for name in names}
