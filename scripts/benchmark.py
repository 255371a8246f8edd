"""Measure speed side by side, in one run: the STFT against a bare FFT and librosa.

    pip install '.[bench]' && python scripts/benchmark.py

The bare FFT is scipy's, of as many frames, already cut and windowed. Prints a Markdown table:
times are medians of several rounds in which the contestants take turns, so that a machine that
slows down slows them all; ratios are what to quote. The last column is the largest deviation
from the input after the way there and back.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft

from oracle import STFT

Audio = npt.NDArray[np.float32]

RATE = 44100
N_FFT, HOP = 2048, 1024


def stft_contestants(audio: Audio, workers: int) -> dict[str, Callable[[], Audio]]:
    """Make the functions to time: each transforms the audio forward and back."""
    stft = STFT(n_fft=N_FFT, hop_length=HOP, workers=workers)
    n_samples = audio.shape[-1]
    n_frames = stft.n_frames(n_samples)
    frames = np.random.default_rng(0).standard_normal((len(audio), n_frames, N_FFT), np.float32)

    def bare() -> Audio:
        spectrum = scipy.fft.rfft(frames, workers=workers)
        return np.asarray(scipy.fft.irfft(spectrum, N_FFT, workers=workers))

    def ours() -> Audio:
        return stft.inverse(stft.forward(audio), n_samples=n_samples)

    def librosas() -> Audio:
        spectrum = librosa.stft(audio, n_fft=N_FFT, hop_length=HOP, pad_mode="constant")
        return np.asarray(librosa.istft(spectrum, n_fft=N_FFT, hop_length=HOP, length=n_samples))

    return {"bare scipy.fft.rfft + irfft": bare, "oracle.STFT": ours, "librosa": librosas}


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, default=-1, help="threads; -1 is one a core")
    options = parser.parse_args()
    audio = np.random.default_rng(0).standard_normal(
        (options.channels, options.seconds * RATE), np.float32
    )
    contestants = stft_contestants(audio, options.workers)
    results = {name: work() for name, work in contestants.items()}  # this also warms up
    deviations = {
        name: f"{np.abs(result - audio).max():.1e}" if result.shape == audio.shape else ""
        for name, result in results.items()
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(rounds) for name, rounds in times.items()}
    print(
        f"STFT {N_FFT}/{HOP}, forward and inverse, float32, {options.channels} channels x "
        f"{options.seconds} s, {options.workers} workers, {os.cpu_count()} cores, "
        f"{platform.machine()}\n"
    )
    print("| | seconds | relative to oracle | deviation |")
    print("|---|---|---|---|")
    for name, median in medians.items():
        ratio = median / medians["oracle.STFT"]
        print(f"| {name} | {median:.3f} | {ratio:.2f} | {deviations[name]} |")


if __name__ == "__main__":
    main()
