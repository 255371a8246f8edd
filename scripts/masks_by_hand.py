"""Masks as one writes them by hand, and their speed beside that of the package.

Written for numpy and torch at once, and safe: 0 / 0 is 0, with one `where`, and gradients are
finite at ordinary levels. Unlike those of the package they square magnitudes, so that quiet bins
are lost, may overflow, and check nothing.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from oracle import STFT, masks

Mask = Callable[..., Any]


def by_hand(xp: ModuleType) -> dict[str, tuple[Mask, Mask]]:
    """Pair masks of numpy or torch, written by hand, with those of the package."""

    def as_type(mask: Any, x: Any) -> Any:
        return mask.astype(x.dtype) if xp is np else mask.to(x.dtype)

    def safe(denominator: Any) -> Any:
        return xp.where(denominator > 0, denominator, 1)

    def mix(s: Any, x: Any) -> Any:
        return xp.full(s.shape, 1 / len(s), dtype=s.real.dtype)

    def ibm(s: Any, x: Any) -> Any:
        magnitudes = abs(s)
        order = xp.arange(len(s)).reshape(-1, *[1] * x.ndim)
        return as_type((magnitudes.argmax(0) == order) & (magnitudes > 0), magnitudes)

    def ibm1(s: Any, x: Any) -> Any:
        magnitudes = abs(s)
        return as_type((magnitudes >= 0.5 * abs(x)) & (magnitudes > 0), magnitudes)

    def ibm2(s: Any, x: Any) -> Any:
        powers = abs(s) ** 2
        return as_type((powers >= 0.5 * abs(x) ** 2) & (powers > 0), powers)

    def irm1(s: Any, x: Any) -> Any:
        magnitudes = abs(s)
        return magnitudes / safe(magnitudes.sum(0))

    def irm2(s: Any, x: Any) -> Any:
        powers = abs(s) ** 2
        return powers / safe(powers.sum(0))

    def enh_irm(s: Any, x: Any) -> Any:
        powers = abs(s) ** 2
        shares = safe(powers) / safe(powers + abs(x - s) ** 2)
        return xp.where(powers > 0, shares**0.5, 0)

    def iam(s: Any, x: Any) -> Any:
        return (abs(s) / safe(abs(x))).clip(0, 1)

    def psm(s: Any, x: Any) -> Any:
        return (s * x.conj()).real / safe(abs(x) ** 2)

    def tpsm(s: Any, x: Any) -> Any:
        return psm(s, x).clip(0, 1)

    def obm(s: Any, x: Any) -> Any:
        powers = abs(x) ** 2
        return as_type(((s * x.conj()).real >= 0.5 * powers) & (powers > 0), powers)

    def cirm(s: Any, x: Any) -> Any:
        return s * (x.conj() / safe(abs(x) ** 2))

    return {
        "MIX": (mix, masks.uniform_mask),
        "IBM": (ibm, masks.ideal_binary_mask),
        "IBM1": (ibm1, masks.sisec_binary_mask),
        "IBM2": (ibm2, partial(masks.sisec_binary_mask, power=2)),
        "IRM1": (irm1, partial(masks.ideal_ratio_mask, power=1)),
        "IRM2": (irm2, masks.ideal_ratio_mask),
        "ENH-IRM": (enh_irm, masks.enhancement_ratio_mask),
        "IAM": (iam, masks.ideal_amplitude_mask),
        "PSM": (psm, masks.phase_sensitive_mask),
        "TPSM": (tpsm, partial(masks.phase_sensitive_mask, clip=(0, 1))),
        "OBM": (obm, masks.optimal_binary_mask),
        "CIRM": (cirm, masks.complex_ideal_ratio_mask),
    }


BINARY = ("MIX", "IBM", "IBM1", "IBM2", "OBM")


def masks_table(rounds: int = 30, seconds: int = 10) -> None:
    """Print how many times the time of masks by hand those of the package take."""
    audio = np.random.default_rng(0).standard_normal((4, 2, seconds * 44100), np.float32)
    sources = STFT().forward(audio)
    mixture = sources.sum(axis=0)
    columns = {"numpy": compare(np, sources, mixture, rounds)}
    try:
        import torch
    except ImportError:
        pass
    else:
        tensors = torch.from_numpy(sources), torch.from_numpy(mixture)
        columns["torch"] = compare(torch, *tensors, rounds)
        columns["torch, gradients of the sources"] = compare(torch, *tensors, rounds, both=False)
        columns["torch, gradients of both"] = compare(torch, *tensors, rounds, both=True)
    print(
        f"Masks of four sources, stereo, {seconds} s: seconds by hand, and how many times that the "
        f"package takes; medians of {rounds} runs in turns, {os.cpu_count()} threads\n"
    )
    print("| |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name in columns["numpy"]:
        cells = (column.get(name) for column in columns.values())
        print(f"| {name} |", " | ".join(f"{c[0]:.4f}, {c[1]:.2f}" if c else "" for c in cells), "|")
    print()


def compare(
    xp: ModuleType, sources: Any, mixture: Any, rounds: int, *, both: bool | None = None
) -> dict[str, tuple[float, float]]:
    """Time each mask by hand; tell its seconds, and how many times that the package takes.

    Forward only if `both` is None, else forward and backward, with gradients of the mixture too
    if it is true.
    """
    found = {}
    for name, pair in by_hand(xp).items():
        if both is not None and name in BINARY:
            continue
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(rounds + 2):
            for mask, spent in zip(pair, times, strict=True):
                took = time_once(mask, sources, mixture, both)
                if turn > 1:  # the first ones warm up
                    spent.append(took)
        hand = statistics.median(times[0])
        # Of neighbours in time, so that a machine that slows down slows both.
        ratio = statistics.median(ours / theirs for theirs, ours in zip(*times, strict=True))
        found[name] = (hand, ratio)
        check(pair, sources, mixture)
    return found


def time_once(mask: Mask, sources: Any, mixture: Any, both: bool | None) -> float:
    """Time a mask once, and its gradients."""
    if both is not None:
        sources = sources.detach().requires_grad_()
        mixture = mixture.detach().requires_grad_(both)
    start = time.perf_counter()
    made = mask(sources, mixture)
    if both is not None:
        (made.real + made.imag if made.is_complex() else made).sum().backward()
    return time.perf_counter() - start


def check(pair: tuple[Mask, Mask], sources: Any, mixture: Any) -> None:
    """Check that both masks are the same, up to rounding."""
    hand, ours = (np.asarray(mask(sources, mixture)) for mask in pair)
    differing = np.mean(np.abs(hand - ours) > 1e-4 * np.maximum(np.abs(hand), 1))
    if differing > 1e-4:
        raise ValueError(f"masks must be the same, got {differing:.1%} of the bins that differ")
