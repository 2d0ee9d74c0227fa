"""All rules, in the order in which they are asked: the first that matches an operation has it."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.passes.choose.apart import PARTS
from liteport.passes.choose.average import PADDED_AVERAGE
from liteport.passes.choose.blocks import BLOCKS
from liteport.passes.choose.depthwise import DEPTHWISE_TILES
from liteport.passes.choose.few import FEW_RESULTS
from liteport.passes.choose.groups import MERGED_GROUPS
from liteport.passes.choose.heads import BY_HEAD
from liteport.passes.choose.image import IMAGE_BLOCKS
from liteport.passes.choose.joined import JOINED
from liteport.passes.choose.matrices import TURNED
from liteport.passes.choose.maxpool import MAX_IN_TURN
from liteport.passes.choose.multiplier import DEPTHWISE_MULTIPLIER
from liteport.passes.choose.nearest import NEAREST, NEAREST_CONV
from liteport.passes.choose.pointwise import CHAIN, POOLED, UPSAMPLED
from liteport.passes.choose.rule import Rule
from liteport.passes.choose.select import SELECT
from liteport.passes.choose.slow import MIRROR, POWER, QUOTIENT, RESPONSE, SCALED_SOFTMAX
from liteport.passes.choose.softmax import ACROSS, LOG_SOFTMAX, SHORT_SOFTMAX
from liteport.passes.choose.split import SPLIT_LINEAR
from liteport.passes.choose.stem import LONGER_RUNS
from liteport.passes.choose.strassen import STRASSEN
from liteport.passes.choose.strided import STRIDED_SLICES
from liteport.passes.choose.strips import STRIPS
from liteport.passes.choose.taps import SUM_OF_TAPS, TAPS
from liteport.passes.choose.transpose import TRANSPOSE_IN_STEPS
from liteport.passes.choose.transposed import TRANSPOSED_PHASES
from liteport.passes.choose.transposed_volume import TRANSPOSED_VOLUMES
from liteport.passes.choose.volume import VOLUMES
from liteport.passes.choose.winograd import WINOGRAD

RULES: Sequence[Rule] = (
    UPSAMPLED,  # before chains, as it puts layers behind layers, and before copies, of which it leaves smaller ones
    POOLED,
    CHAIN,
    BY_HEAD,  # before parts, of which it leaves none
    PARTS,
    TURNED,  # after parts, which may each have a transpose of their own
    DEPTHWISE_MULTIPLIER,  # before tiles: its kernels may be large
    DEPTHWISE_TILES,
    TRANSPOSED_VOLUMES,  # before those of planes, which it leaves
    TRANSPOSED_PHASES,
    STRIDED_SLICES,
    NEAREST_CONV,  # before copies, which it leaves none of
    NEAREST,
    BLOCKS,
    TRANSPOSE_IN_STEPS,
    FEW_RESULTS,
    LONGER_RUNS,
    IMAGE_BLOCKS,  # those that longer runs are made of, too
    MAX_IN_TURN,
    PADDED_AVERAGE,
    RESPONSE,  # before powers, of which it leaves one
    POWER,
    QUOTIENT,
    SELECT,
    MIRROR,
    SCALED_SOFTMAX,
    ACROSS,
    SHORT_SOFTMAX,
    LOG_SOFTMAX,
    VOLUMES,  # before what is for convolutions of planes, which it leaves
    MERGED_GROUPS,
    WINOGRAD,  # what is left of convolutions, and those that phases are made of
    TAPS,  # those that Winograd's products are not for
    SUM_OF_TAPS,
    JOINED,
    STRASSEN,  # what is left of linear layers, and those that products of convolutions are
    SPLIT_LINEAR,
    STRIPS,  # of what the others have made
)
