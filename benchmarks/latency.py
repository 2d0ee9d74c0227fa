"""How long inference takes beside the peers' files: python -m benchmarks.latency (options: --help).

Three files of ours for each network, as `convert` writes it, with --tune and with --prefer latency, take turns with
those of the peers on one thread; what counts is the ratio of each to the fastest peer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import geometric_mean
from typing import Any

from benchmarks import bars, measure, table
from benchmarks.bars import US, Line
from benchmarks.models import NETWORKS

WAYS: dict[str, tuple[str, ...]] = {
    "default": (),
    "--tune": ("--tune",),
    "--prefer latency": ("--prefer", "latency"),
}
Bars = tuple[float | None, ...]
"""The most that each of WAYS may take, in multiples of the fastest peer; None: no more than that is asked."""

NO_SLOWER = 1.02  # on any network
EACH: dict[str, Bars] = {
    "convnext_tiny": (0.70, 0.68, None),
    "convmixer_768_32": (0.30, 0.30, None),
    "llama": (0.80, 0.75, None),
    "segformer_b0": (0.85, 0.80, None),
    "swin_tiny": (0.92, 0.88, None),
    "vit_tiny": (0.95, 0.85, None),
    "vit_base": (0.95, 0.85, None),
    "whisper_encoder": (0.97, 0.93, None),
    "resnet18": (1.00, 0.95, 0.80),
    "resnet50": (1.00, 0.95, 0.90),
    "densenet121": (1.00, 0.97, None),
    "shufflenet_v2_x1_0": (1.00, 0.97, None),
    "mobilenet_v2": (1.00, 0.97, None),
    "mobilenet_v3_large": (1.00, 0.97, None),
    "efficientnet_b3": (1.00, 0.97, None),
    "bilstm": (0.85, 0.75, None),
    "gru": (0.85, 0.75, None),
}
DENSE = ("unet", "dcgan", "conformer", "mobilenetv4", "fastvit", "detector")
MEANS: dict[str, tuple[Sequence[str], Bars]] = {
    "the six dense networks, geometric mean": (DENSE, (0.75, None, None)),
    "all networks, geometric mean": (tuple(NETWORKS), (0.82, 0.77, 0.74)),
}

Ratios = Mapping[str, float]


def ratios(measured: Mapping[str, Mapping[str, Any]]) -> Ratios | None:
    """What each of our files takes in multiples of the fastest peer; None where no peer has a file.

    Of every file is known how many times its time the first one, our default, takes.
    """
    found = {name: metrics["ratio"] for name, metrics in measured.items() if "ratio" in metrics}
    peers = [ratio for name, ratio in found.items() if not name.startswith(US)]
    if not peers or US not in found:
        return None
    names = {way: " ".join([US, *options]) for way, options in WAYS.items()}
    return {way: max(peers) / found[name] for way, name in names.items() if name in found}


def rows(networks: Mapping[str, Mapping[str, Any]]) -> tuple[list[list[str]], bool]:
    """The table, and whether nothing in it is missed."""
    known = {name: found for name, measured in networks.items() if (found := ratios(measured)) is not None}
    lines = [(name, found, EACH.get(name, (NO_SLOWER,) * len(WAYS))) for name, found in known.items()]
    for label, (names, limits) in MEANS.items():
        present = [known[name] for name in names if name in known]
        if present:
            ways = [way for way in WAYS if all(way in each for each in present)]
            means = {way: geometric_mean([each[way] for each in present]) for way in ways}
            lines.append((f"{label} ({len(present)})", means, limits))
    cells = [[_cell(found.get(way), bar) for way, bar in zip(WAYS, most, strict=True)] for _, found, most in lines]
    body = [[label, *row] for (label, _, _), row in zip(lines, cells, strict=True)]
    return [["", *WAYS], *body], not any("MISSED" in cell for row in cells for cell in row)


def _cell(ratio: float | None, bar: float | None) -> str:
    if ratio is None:
        return "-"
    limit = NO_SLOWER if bar is None else bar
    return f"{ratio:.2f} ({limit:.2f}{'' if ratio <= limit + 0.005 else ', MISSED'})"


LINES = [Line(network, "latency_ms", bars.NO_SLOWER) for network in NETWORKS]


def main() -> int:
    """Measures, prints the table; the exit code."""
    parser = measure.options("latency", LINES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY", help=", ".join(WAYS))
    chosen = parser.parse_args()
    stored = measure.results("latency", LINES, chosen, [WAYS[way] for way in chosen.ways])
    found, met = rows(stored["networks"])
    print(table.markdown(found) if chosen.markdown else table.plain(found))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
