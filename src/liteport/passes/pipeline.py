"""The one list of passes, in order, with the reason for each place in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from liteport.ir.graph import Graph, Module
from liteport.ir.validate import validate
from liteport.passes.base import Pass
from liteport.passes.channels import RouteChannels
from liteport.passes.channels.blocks import BlockOrder
from liteport.passes.choose.choose import Choice, Choose, Prefer
from liteport.passes.choose.rule import Stage
from liteport.passes.common import ShareCommon
from liteport.passes.compute_sizes import ComputeSizes
from liteport.passes.dead import DropDead
from liteport.passes.decompose import Decompose
from liteport.passes.drop_taps import DropTaps
from liteport.passes.empty import DropEmpty
from liteport.passes.expand import Expand
from liteport.passes.fold import Evaluate, Fold
from liteport.passes.fuse_activation import FuseActivation
from liteport.passes.fuse_affine import FuseAffine
from liteport.passes.fuse_bias import FuseBias
from liteport.passes.fuse_center import FuseCenter
from liteport.passes.fuse_dynamic import FuseDynamic
from liteport.passes.fuse_factor import FuseFactor
from liteport.passes.fuse_flatten import FuseFlatten
from liteport.passes.fuse_gelu import FuseGelu
from liteport.passes.fuse_hard_swish import FuseHardSwish
from liteport.passes.fuse_mean import FuseMean
from liteport.passes.fuse_pad import FusePad
from liteport.passes.fuse_repeat import FuseRepeat
from liteport.passes.fuse_roll import FuseRoll
from liteport.passes.fuse_rsqrt import FuseRsqrt
from liteport.passes.fuse_safe_softmax import FuseSafeSoftmax
from liteport.passes.fuse_scale import FuseScale
from liteport.passes.fuse_sign import FuseSign
from liteport.passes.fuse_update import FuseUpdate
from liteport.passes.hand_down import HandDown
from liteport.passes.hoist_layers import HoistLayers
from liteport.passes.join_slices import JoinSlices
from liteport.passes.layout import Layout
from liteport.passes.legalize import Legalize
from liteport.passes.merge_carried import MergeCarried
from liteport.passes.merge_cut import MergeCut
from liteport.passes.merge_depthwise import MergeDepthwise
from liteport.passes.merge_moves import MergeMoves
from liteport.passes.merge_sum import MergeSum
from liteport.passes.narrow import NarrowIndices
from liteport.passes.outputs import OwnOutputs
from liteport.passes.pad_empty import PadEmpty
from liteport.passes.quantised import RunQuantised
from liteport.passes.row_shape import RowShape
from liteport.passes.share_joined import ShareJoined
from liteport.passes.shuffle import GatherToShuffle, ShuffleToGather
from liteport.passes.simplify import Simplify
from liteport.passes.sink import SinkReshape
from liteport.passes.sink_ones import SinkOnes
from liteport.passes.slice_early import SliceEarly
from liteport.passes.split_unequal import SplitUnequal
from liteport.passes.ungroup import Ungroup


def passes(evaluate: Evaluate, choice: Choice) -> list[Pass]:
    """What every graph goes through. `evaluate` runs a graph of constants in LiteRT; `choice` says what for."""
    return [
        *_recognised(evaluate),
        # Layout before fusion, so that kernels and their scales, clamps and padding stand side by side.
        *_laid_out(evaluate, choice),
        *_fused(choice),
        *_routed(evaluate, choice),
        *_finished(evaluate, choice),
    ]


def _recognised(evaluate: Evaluate) -> list[Pass]:
    """What constants come to, and what the rest is: layers, functions that arrive written out, parts of one value."""
    return [
        # Constants first: what they feed can then be seen through.
        DropDead(),
        DropEmpty(),
        Fold(evaluate),
        # Whole layers, before anything cuts them up.
        FuseDynamic(),
        FuseUpdate(),
        FuseBias(),
        # Before anything is spent on what nobody takes; parts of one value before one of them is cut further.
        JoinSlices(),
        SliceEarly(),
        *_clean(),
        NarrowIndices(),
        # Functions that arrive written out, before factors move away; what is left of composites is written out.
        FuseGelu(),
        FuseHardSwish(),
        FuseRsqrt(),
        FuseSafeSoftmax(),
        FuseRoll(),
        FuseRepeat(),
        Decompose(),
        *_clean(),
        # Parts without the dimension that they were cut along, moved together: fewer transposes for the layout.
        JoinSlices(),
        MergeCut(),
        SliceEarly(),
        *_clean(),
    ]


def _laid_out(evaluate: Evaluate, choice: Choice) -> list[Pass]:
    """The order of dimensions that every value is stored in, and movements in as few steps as there can be."""
    return [
        # Norms before the layout, for which a reshape of all they take is a wall.
        Ungroup(),
        # Forms that another order of dimensions may come with: the layout places them.
        Choose(Stage.EARLY, choice, evaluate),
        Layout(),
        Simplify(),
        SinkReshape(),
        Simplify(),
        SinkOnes(),
        *_clean(),
        # Numbers that multiply while parts of projections are still whole dimensions, which merged movements hide.
        FuseFactor(),
        FuseSign(),
        MergeMoves(),
        *_clean(),
        RowShape(),
        *_clean(),
    ]


def _fused(choice: Choice) -> list[Pass]:
    """Kernels with what stands before and after them in their weights, activations and padding."""
    return [
        FuseFlatten(),
        # Scales before activations: a clamp only moves into a kernel that has taken its bias.
        FuseAffine(),
        FuseActivation(),
        FuseScale(),
        # Layers with the scales of their residuals in them.
        FuseMean(),
        # Means that stay in the stream, with their norms' affine in the weights below.
        FuseCenter(),
        # Kernels without what sees only padding, before the padding is part of them.
        DropTaps(),
        FusePad(),
        # Convolutions with their norms in them.
        MergeSum(),
        FusePad(),
        # Kernels that are whole, on the quantised numbers around them; until here nothing touches their weights.
        RunQuantised(plain=choice.prefer is Prefer.PLAIN),
        DropDead(),
        FuseFlatten(),
        MergeDepthwise(),
    ]


def _routed(evaluate: Evaluate, choice: Choice) -> list[Pass]:
    """Channels where kernels put them, and the forms of whole kernels."""
    return [
        # Channel permutations once kernels carry their activations and batch norms, and stand side by side.
        ShuffleToGather(),
        RouteChannels(),
        BlockOrder(),
        # Parts of one value, which a rule of the next may make apart.
        SplitUnequal(),
        # Forms of kernels that are complete by now; what they permute goes into the weights around them.
        Choose(Stage.LATE, choice, evaluate),
        FusePad(),
        RouteChannels(),
        GatherToShuffle(),
        # Joined values once nothing sees through them any more.
        ShareJoined(),
    ]


def _finished(evaluate: Evaluate, choice: Choice) -> list[Pass]:
    """What is left, as LiteRT takes it."""
    return [
        # Slices once nothing sees through them any more, and those of merged convolutions are gone.
        DropDead(),
        SplitUnequal(),
        # Broadcasts that arithmetic did not swallow.
        Expand(),
        # Kernels side by side by now, padded together.
        PadEmpty(),
        # Kernels' own types and ranks last: until here every operation has the source's.
        Legalize(),
        Fold(evaluate),
        *_clean(),
        # Movements that would be taken for needless ones until here.
        Choose(Stage.LAST, choice, evaluate),
        # Last of all: what merges values may have made one of two outputs.
        OwnOutputs(),
        # Nothing sees through a size any more once it is computed.
        ComputeSizes(),
    ]


def _clean() -> list[Pass]:
    return [Simplify(), ShareCommon(), DropDead()]


def optimise(
    module: Module,
    evaluate: Evaluate,
    choice: Choice | None = None,
    *,
    since: Stage | None = None,
    debug: bool = False,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Runs all passes on every graph of `module`, in place; `debug` validates the graph after each.

    `since`: a module that has gone through those before the choice of that stage only goes through the rest.
    """
    choice = choice or Choice()
    for graph in module.graphs:
        # What loops need not do in every step goes through all passes here; what is constant by the end in one graph is
        # so in the bodies of its loops, whose turn comes later.
        every = passes(evaluate, choice)
        first = [i for i, each in enumerate(every) if isinstance(each, Choose) and each.stage is since]
        chain = [*every[first[0] :]] if first else [MergeCarried(module), HoistLayers(module), *every]
        chain.append(HandDown(module))
        run(graph, chain, debug=debug, progress=progress)


def run(
    graph: Graph, chain: Sequence[Pass], *, debug: bool = False, progress: Callable[[str], None] | None = None
) -> None:
    """Runs `chain` on one graph."""
    for each in chain:
        if progress:
            progress(type(each).__name__)
        each.run(graph)
        if debug:
            validate(graph)
