"""Padding with a constant and with the tensor's own elements."""

from __future__ import annotations

from math import inf

import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check


def _x(*shape: int) -> tuple[torch.Tensor]:
    return (torch.randn(*shape),)


def _i(*shape: int) -> torch.Tensor:
    return torch.randint(-9, 9, shape)


AMOUNTS = {1: [2, 1], 2: [2, 1, 0, 2], 3: [2, 1, 0, 2, 1, 1]}
SIZE = {1: (5,), 2: (4, 5), 3: (3, 4, 5)}
OWN = [
    Case(f"{mode}_{space}d_{kind}", lambda x, s=space, m=mode: F.pad(x, AMOUNTS[s], m), _x(*lead, *SIZE[space]))
    for mode in ("reflect", "replicate", "circular")
    for space in (1, 2, 3)
    for kind, lead in (("batch", (2, 3)), ("unbatched", (3,)))
    if (mode, kind) != ("circular", "unbatched")
]

CASES = [
    Case("zeros", lambda x: F.pad(x, (1, 2)), _x(2, 3)),
    Case("value", lambda x: F.pad(x, (1, 2, 0, 1), value=-1.5), _x(2, 3)),
    Case("infinite", lambda x: F.pad(x, (1, 0), value=-inf), _x(2, 3)),
    Case("all_dimensions", lambda x: F.pad(x, (1, 2, 3, 0, 0, 1, 2, 2)), _x(2, 1, 3, 2)),
    Case("vector", lambda x: F.pad(x, (3, 0)), _x(4)),
    Case("crop", lambda x: F.pad(x, (-1, -2)), _x(2, 6)),
    Case("crop_and_pad", lambda x: F.pad(x, (-1, 2, 3, -1), value=2.0), _x(4, 6)),
    Case("nothing", lambda x: F.pad(x, (0, 0)) + 1, _x(2, 3), ops=["ADD"]),
    Case("rank_5", lambda x: F.pad(x, (1, 0, 0, 1, 2, 0), value=1.0), _x(1, 2, 3, 2, 3)),
    Case("rank_6", lambda x: F.pad(x, (1, 0, 0, 1, 2, 0, 0, 1)), _x(1, 2, 3, 2, 2, 3)),
    Case("rank_7_value", lambda x: F.pad(x, (1, 0) * 7, value=3.0), _x(1, 2, 1, 2, 1, 2, 2)),
    Case("int64", lambda x: F.pad(x, (1, 1), value=7), (_i(2, 3),)),
    Case("int64_zero", lambda x: F.pad(x, (1, 1)), (_i(2, 3),)),
    Case("int32", lambda x: F.pad(x, (0, 1), value=-3), (_i(2, 3).int(),)),
    Case("uint8", lambda x: F.pad(x, (0, 1), value=3), (_i(2, 3).abs().byte(),)),
    Case("bool", lambda x: F.pad(x, (1, 1)), (_i(2, 3) > 0,)),
    Case("bool_true", lambda x: F.pad(x, (1, 1), value=True), (_i(2, 3) > 0,)),
    Case("zero_module", nn.ZeroPad2d((1, 2, 0, 1)), _x(1, 2, 3, 3)),
    Case("constant_module", nn.ConstantPad3d(1, 0.5), _x(1, 2, 3, 3, 2)),
    Case("reflect_far", lambda x: F.pad(x, (3, 3), "reflect"), _x(1, 2, 4)),
    Case("reflect_crop", lambda x: F.pad(x, (-1, 2), "reflect"), _x(1, 2, 5)),
    Case("replicate_crop", lambda x: F.pad(x, (2, -1, -1, -1), "replicate"), _x(1, 2, 5, 4)),
    Case("replicate_far", lambda x: F.pad(x, (7, 9), "replicate"), _x(1, 2, 3)),
    Case("replicate_one", lambda x: F.pad(x, (2, 2), "replicate"), _x(1, 2, 1)),
    Case("circular_whole", lambda x: F.pad(x, (4, 4), "circular"), _x(1, 2, 4)),
    Case("core_constant", lambda x: torch.ops.aten.constant_pad_nd(x, [1, -1], 2), _x(2, 4)),
    Case("core_reflection", lambda x: torch.ops.aten.reflection_pad2d(x, [1, 1, 2, 0]), _x(1, 2, 4, 4)),
    Case("core_replication", lambda x: torch.ops.aten.replication_pad3d(x, [1, 1, 2, 0, 0, 1]), _x(1, 2, 4, 4, 3)),
    Case("enum", lambda x: torch.ops.aten._pad_enum(x, [1, 1], 3), _x(1, 2, 4)),
    Case("circular_core", lambda x: torch.ops.aten._pad_circular(x, [1, 1, 0, 2]), _x(1, 2, 4, 3)),
    Case("one_op", lambda x: F.pad(x, (1, 2, 3, 0)), _x(1, 2, 3, 4), ops=["PAD"]),
    Case("one_op_value", lambda x: F.pad(x, (1, 2, 3, 0), value=1.0), _x(1, 2, 3, 4), ops=["PADV2"]),
    Case("a_gather_each", lambda x: F.pad(x, (1, 2, 3, 1), "reflect"), _x(1, 2, 5, 4), ops=["GATHER", "GATHER"]),
]


@cases(OWN)
def test_own_elements(case: Case) -> None:
    check(case)


@cases(CASES)
def test_pad(case: Case) -> None:
    check(case)
