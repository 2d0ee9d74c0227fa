"""All rules, in the order in which they are asked: the first that matches an operation has it."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.passes.choose.depthwise import DEPTHWISE_TILES
from liteport.passes.choose.multiplier import DEPTHWISE_MULTIPLIER
from liteport.passes.choose.pointwise import CHAIN, POOLED, UPSAMPLED
from liteport.passes.choose.nearest import NEAREST, NEAREST_CONV
from liteport.passes.choose.rule import Rule
from liteport.passes.choose.transposed import TRANSPOSED_PHASES
from liteport.passes.choose.winograd import WINOGRAD

RULES: Sequence[Rule] = (
    DEPTHWISE_MULTIPLIER,  # before tiles: its kernels may be large
    DEPTHWISE_TILES,
    TRANSPOSED_PHASES,
    UPSAMPLED,  # before chains: it puts layers behind layers
    POOLED,
    CHAIN,
    NEAREST_CONV,  # before Winograd and copies: it leaves neither anything to do
    WINOGRAD,
    NEAREST,
)
