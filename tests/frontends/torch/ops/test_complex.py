"""Complex numbers inside of a network: arithmetic, moves, products, constants, Fourier transforms; not at its border."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

import liteport
from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, Function, cases, check

PAIRS, OTHER, SQUARE = normal(3, 4, 2), normal(3, 4, 2), normal(4, 4, 2)
REAL, ROW = normal(3, 4), normal(4)
CONSTANT = torch.complex(normal(4), normal(4))
SQUARES = torch.complex(normal(3, 4, 4), normal(3, 4, 4))
MASK, PLACES = bools(3, 4), ints(2, low=0, high=3)

Tensor = torch.Tensor


def on(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of complex tensors on pairs of real numbers, and with pairs for its results."""

    def paired(*tensors: Tensor) -> Any:
        given = [torch.view_as_complex(t) if t.is_floating_point() and t.shape[-1:] == (2,) else t for t in tensors]
        return [torch.view_as_real(y.resolve_conj()) if y.is_complex() else y for y in _listed(function(*given))]

    return paired


def _listed(results: Any) -> list[Tensor]:
    return [results] if isinstance(results, Tensor) else list(results)


def filled(z: Tensor) -> list[Tensor]:
    return [z.masked_fill(MASK, 1.5), torch.where(MASK, z, 2 - 1j), torch.where(MASK, z.real, z), z.new_full((2,), 3j)]


def in_place(z: Tensor) -> Tensor:
    out = torch.zeros(3, 6, dtype=torch.complex64)
    out[:, 1:5] = z
    out[:, 0] += 1j
    return out


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 2, 3, padding=1, dtype=torch.complex64)
        self.linear = nn.Linear(4, 5, dtype=torch.complex64)

    def forward(self, x: Tensor) -> Tensor:
        z = torch.view_as_complex(x)
        return torch.view_as_real(self.linear(self.conv(z)))


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda z, w: z + w,
    "add_alpha": lambda z, w: [torch.add(z, w, alpha=2), torch.sub(z, w, alpha=1j)],
    "numbers": lambda z, w: [z + 1, 2j - z, z * 3, z * (1 + 2j), z / 2, z / (1 - 1j), 1 / w, z * 1j],
    "mul": lambda z, w: z * w,
    "div": lambda z, w: z / w,
    "real_operands": lambda z, w: [z + REAL, REAL - z, z * ROW, z / (ROW.abs() + 1), REAL / w],
    "constants": lambda z, w: [z * CONSTANT, CONSTANT - w],
    "parts": lambda z, w: [z.real, z.imag, z.conj(), z.conj().imag, -z],
    "length": lambda z, w: [z.abs(), z.angle(), z.sgn(), z.real.angle()],
    "functions": lambda z, w: [
        z.rsqrt(),
        z.sin(),
        z.cos(),
        z**w,
        z.exp(),
        z.log(),
        z.sqrt(),
        z**2,
        z**-1,
        z**0.5,
        z.square(),
        z.reciprocal(),
    ],
    "of_real": lambda z, w: [torch.exp(1j * z.real), torch.complex(z.real, w.imag), torch.polar(z.abs(), w.real)],
    "equal": lambda z, w: [z == z, z == w, z != w, torch.addcmul(z, w, w, value=1j), torch.true_divide(z, w)],
    "types": lambda z, w: [z.real.to(torch.complex64), z.to(torch.complex128), z.double()],
}
MOVES: dict[str, Callable[..., Any]] = {
    "shapes": lambda z: [z.reshape(-1), z.T, z.unsqueeze(1), z.transpose(0, 1).contiguous(), z.expand(2, 3, 4)],
    "parts": lambda z: [z[1], z[:, 1:3], z[..., None, ::2], *z.unbind(0), *z.split(2, 1)],
    "joins": lambda z: [torch.cat([z, z * 1j]), torch.stack([z, z], -1), torch.cat([z, z.real], 1)],
    "turns": lambda z: [z.flip(0), z.roll(1, 1), z.mH, z.repeat(2, 1), nn.functional.pad(z, (1, 2), value=3.0)],
    "places": lambda z: [z[PLACES], z.index_select(1, PLACES), z.gather(0, PLACES[None])],
    "filled": filled,
    "sums": lambda z: [z.sum(), z.sum(0), z.mean(1, keepdim=True), z.cumsum(1), torch.linalg.vector_norm(z, dim=1)],
    "made": lambda z: [torch.zeros_like(z), torch.ones_like(z) * z, torch.full((2, 2), 1 - 1j) + z[:2, :2]],
    "in_place": in_place,
}
PRODUCTS: dict[str, Callable[..., Any]] = {
    "matmul": lambda z, s: z @ s,
    "einsum": lambda z, s: [torch.einsum("ij,jk->ik", z, s), torch.einsum("ij->j", z)],
    "addmm": lambda z, s: torch.addmm(z, z, s, beta=0.5, alpha=1j),
    "tensordot": lambda z, s: [torch.tensordot(z, s, 1), torch.kron(z, s[:1])],
    "vectors": lambda z, s: [torch.vdot(z[0], s[0]), torch.dot(z[0], s[0]), torch.outer(z[0], s[0])],
}
SIGNAL, IMAGE, WINDOW = normal(2, 40), normal(2, 3, 6, 8), torch.hann_window(16)
stft = partial(torch.stft, n_fft=16, hop_length=4, window=WINDOW, return_complex=True)


def filtered(x: Tensor) -> Tensor:
    """What global filter networks and Fourier neural operators do."""
    return torch.fft.irfft2(torch.fft.rfft2(x, norm="ortho") * CONSTANT[0], s=x.shape[-2:], norm="ortho")


TRANSFORMS: dict[str, Callable[..., Any]] = {
    "rfft": lambda x: [torch.fft.rfft(x), torch.fft.rfft(x, n=12, dim=0), torch.fft.rfft(x, norm="forward")],
    "irfft": lambda x: torch.fft.irfft(torch.fft.rfft(x) * 1j),
    "odd": lambda x: torch.fft.irfft(torch.fft.rfft(x[:, :7]), n=7),
    "fft": lambda x: [torch.fft.fft(x), torch.fft.ifft(torch.fft.fft(x)), torch.fft.fftshift(torch.fft.fft(x))],
    "one": lambda x: torch.fft.fft(x[:1], dim=0),
    "stft": lambda x: [stft(x), stft(x).abs(), stft(x, center=False), stft(x, onesided=False, normalized=True)],
    "istft": lambda x: torch.istft(stft(x), 16, 4, window=WINDOW, length=40),
}
CASES: list[Case] = [
    *(Case(f"arithmetic_{name}", on(f), [PAIRS, OTHER]) for name, f in ARITHMETIC.items()),
    *(Case(f"moves_{name}", on(f), [PAIRS]) for name, f in MOVES.items()),
    *(Case(f"products_{name}", on(f), [PAIRS, SQUARE]) for name, f in PRODUCTS.items()),
    *(Case(f"transforms_{name}", on(f), [SIGNAL]) for name, f in TRANSFORMS.items()),
    Case("transforms_2d", on(lambda x: [torch.fft.fft2(x), torch.fft.rfftn(x, dim=(1, 3))]), [IMAGE]),
    Case("transforms_filter", filtered, [IMAGE]),
    Case("layers", Convolution(), [normal(2, 3, 4, 2)]),
    Case("an input", lambda z: [z.abs(), z * 2j, z.sum()], [CONSTANT]),
    Case("an input as pairs", torch.view_as_real, [CONSTANT]),
    Case("an input of complex128", lambda z: z.exp(), [CONSTANT.to(torch.complex128)]),
    Case(
        "beside integers",
        lambda z, i: [
            torch.cat([z, i]),
            torch.where(i > 4, z, i),
            torch.where(i > 2, i, z),
            z.index_put((i % 4,), i * z[0]),
        ],
        [CONSTANT, ints(4)],
    ),
    Case(
        "beside bools", lambda z, m: [torch.cat([z, m]), torch.stack([z, z.masked_fill(m, 1j)])], [CONSTANT, bools(4)]
    ),
    Case("an output", lambda x: [x * 1j, torch.fft.rfft(x), torch.polar(x, x)], [REAL]),
    Case("in and out", lambda z: z.conj(), [CONSTANT], ops=["BITCAST", "SPLIT", "NEG", "CONCATENATION", "BITCAST"]),
    Case("untouched", lambda z: z, [CONSTANT]),
    Case("no lowering", on(torch.tan), [PAIRS], error="aten.tan.default of complex numbers"),
    Case("too long", torch.fft.fft, [normal(8192)], error="some thousands"),
]


@cases(CASES)
def test_complex(case: Case) -> None:
    check(case)


def test_complex_inputs_of_any_size() -> None:
    model = liteport.convert(Function(lambda z: (z @ z.mT, z[0])), (SQUARES,), dynamic="batch")
    assert model.verify(4).passed
    assert model(torch.ones(5, 4, 4, dtype=torch.complex64))[0].dtype == np.complex64
