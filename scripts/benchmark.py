"""Measure speed, memory and exactness side by side, in one run.

    pip install '.[bench]' && python scripts/benchmark.py

Prints three Markdown tables. The first is of bounds: the five oracle methods of SiSEC 2018 (IBM1,
IBM2, IRM1, IRM2, MWF) on one long stereo track with four sources, separated and scored in
museval's two groups, by masks on scipy.signal and `museval.eval_mus_track`, and by this package.
The track is the embedded waltz, or the first track of MUSDB18 under --root, repeated and
modulated. Every contestant runs in processes of its own: museval, which takes ten minutes, once,
the others several times in turns. Memory is the peak of the process, all included. The deviation
is the largest from museval's score (of five decimals) in any window, target, metric and method.

The second table is of the STFT, forward and inverse, against librosa and a bare FFT: scipy's, of
as many frames, already cut and windowed. Its deviation is from the input.

The third is of the SDR-optimal masks of the four sources of that long track, certified within
0.05 dB, and of one twice as long.

Ratios are what to quote: a machine that slows down slows all contestants.
"""

import argparse
import math
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

import oracle
from oracle.scores import MUSEVAL
from oracle.track import with_accompaniment

Audio = npt.NDArray[np.float32]
Sources = dict[str, npt.NDArray[Any]]

METHODS = ("IBM1", "IBM2", "IRM1", "IRM2", "MWF")
N_FFT, HOP = 2048, 1024
RATE = 44100
GAP = 0.05

# By method, target, metric and window.
Scores = dict[tuple[str, str, str, int], float]


class Result(NamedTuple):
    """What a contestant needed, seconds and bytes, and what it found."""

    seconds: float
    memory: float
    scores: Scores


def long_track(seconds: int, root: Path | None) -> oracle.Track:
    """Repeat a track to the length asked for, the level of each source slowly changing."""
    short = oracle.datasets.waltz() if root is None else oracle.datasets.musdb18(root)[0]
    n_samples = seconds * short.rate
    sources = {}
    for index, (name, audio) in enumerate(short.sources.items()):
        sources[name] = np.empty((short.n_channels, n_samples), np.float32)
        period = (11 + 3 * index) * short.rate
        for start in range(0, n_samples, short.n_samples):
            part = sources[name][:, start : start + short.n_samples]
            t = np.arange(start, start + part.shape[1])
            level = 0.75 + 0.25 * np.sin(2 * np.pi * t / period + index)
            part[:] = audio[:, : part.shape[1]] * level
    return oracle.Track.from_sources("long", short.rate, sources)


def scipy_and_museval(track: oracle.Track) -> Scores:
    """Separate and score as published results are made, in double precision as musdb has it."""
    import museval

    targets = {
        name: SimpleNamespace(audio=audio.T.astype(np.float64))
        for name, audio in track.targets.items()
    }
    stand_in = SimpleNamespace(targets=targets, name=track.name, rate=track.rate, subset="test")
    scores: Scores = {}
    for method in METHODS:
        estimates = with_accompaniment(scipy_estimates(track, method))
        store = museval.eval_mus_track(stand_in, {name: e.T for name, e in estimates.items()})
        for target in store.scores["targets"]:
            for index, frame in enumerate(target["frames"]):
                for metric in MUSEVAL:
                    value = float(frame["metrics"][metric])
                    scores[method, target["name"], metric, index] = value
    return scores


def scipy_estimates(track: oracle.Track, method: str) -> Sources:
    """Mask, or filter, with scipy.signal and numpy alone."""

    def stft(audio: Audio) -> Any:
        return scipy.signal.stft(audio.astype(np.float64), nperseg=N_FFT)[2]

    mixture = stft(track.mixture)
    sources = {name: stft(audio) for name, audio in track.sources.items()}
    if method == "MWF":
        spectra = scipy_wiener_filter(sources, mixture)
    else:
        power = int(method[-1])
        magnitudes = {name: np.abs(source) ** power for name, source in sources.items()}
        if method.startswith("IBM"):
            threshold = 0.5 * np.abs(mixture) ** power
            spectra = {name: (m >= threshold) * mixture for name, m in magnitudes.items()}
        else:
            total = sum(magnitudes.values()) + np.finfo(np.float64).tiny
            spectra = {name: m / total * mixture for name, m in magnitudes.items()}
    return {
        name: scipy.signal.istft(spectrum)[1][:, : track.n_samples]
        for name, spectrum in spectra.items()
    }


def scipy_wiener_filter(sources: Sources, mixture: npt.NDArray[Any]) -> Sources:
    """Filter two channels by a local Gaussian model, the inverse of C by its determinant."""

    def inverse(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
        (a, b), (c, d) = matrix
        # Silence has no inverse, and needs none.
        return np.asarray(np.array([[d, -b], [-c, a]]) / (a * d - b * c + np.finfo(float).tiny))

    spatial, powers = {}, {}
    for name, source in sources.items():
        norm = np.sqrt(np.sum(np.abs(source) ** 2, axis=0)) + np.finfo(np.float64).tiny
        direction = source / norm
        covariance = np.einsum("aft,bft->abf", direction, direction.conj())
        covariance *= 2 / np.einsum("aaf->f", covariance).real
        spatial[name] = covariance[..., None]
        form = np.einsum("aft,abf,bft->ft", source.conj(), inverse(covariance), source)
        powers[name] = form.real / len(mixture)
    total = sum(powers[name] * spatial[name] for name in sources)
    whitened = np.einsum("abft,bft->aft", inverse(total), mixture)
    return {
        name: powers[name] * np.einsum("abft,bft->aft", spatial[name], whitened) for name in sources
    }


def ours(track: oracle.Track, metrics: tuple[str, ...]) -> Scores:
    """Separate and score with this package."""
    from oracle.bounds import score_track

    scores: Scores = {}
    scored = score_track(track, METHODS, metrics=metrics)
    for _, _, method, target, metric, start, _, score in scored.rows:
        scores[method, target, metric, round(start)] = score
    return scores


CONTESTANTS: dict[str, Callable[[oracle.Track], Scores]] = {
    "scipy.signal masks + museval": scipy_and_museval,
    "oracle": lambda track: ours(track, MUSEVAL),
    "oracle, SDR only": lambda track: ours(track, ("SDR",)),
}


def measure(name: str, seconds: int, root: Path | None) -> Result:
    """Run a contestant once; in a process of its own, the peak of memory is its own."""
    track = long_track(seconds, root)
    start = time.perf_counter()
    scores = CONTESTANTS[name](track)
    elapsed = time.perf_counter() - start
    return Result(elapsed, peak_memory(), scores)


def in_process(name: str, seconds: int, root: Path | None) -> Result:
    """Measure in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (name, seconds, root))


def deviation(scores: Scores, expected: Scores) -> str:
    """Tell the largest deviation, which may not lie in what is NaN."""
    common = [key for key in expected if key[2] in {metric for _, _, metric, _ in scores}]
    if {key for key in common if math.isnan(scores[key])} != {
        key for key in common if math.isnan(expected[key])
    }:
        return "NaN elsewhere"
    return f"{np.nanmax([abs(scores[key] - expected[key]) for key in common]):.1e}"


def bounds_table(seconds: int, rounds: int, root: Path | None) -> None:
    """Run the first benchmark and print its table."""
    peer, *names = CONTESTANTS
    print(
        f"Five methods, {', '.join(METHODS)}, on {seconds} s of stereo with four sources, "
        f"{os.cpu_count()} cores, {platform.machine()}\n"
    )
    lengths = dict.fromkeys(names, seconds) | {"twice as long: oracle": 2 * seconds}
    runs: dict[str, list[Result]] = {name: [] for name in lengths}
    expected = in_process(peer, seconds, root)
    for _ in range(rounds):
        for label, length in lengths.items():
            runs[label].append(in_process(label.removeprefix("twice as long: "), length, root))
    print("| | seconds | museval / it | peak memory (GB) | largest deviation from museval (dB) |")
    print("|---|---|---|---|---|")
    print(f"| {peer} | {expected.seconds:.1f} | 1 | {expected.memory / 1e9:.2f} | |")
    medians = {}
    for label, results in runs.items():
        medians[label] = statistics.median(result.seconds for result in results)
        memory = max(result.memory for result in results)
        same = lengths[label] == seconds
        print(
            f"| {label} | {medians[label]:.2f} "
            f"| {f'{expected.seconds / medians[label]:.0f}' if same else ''} "
            f"| {memory / 1e9:.2f} "
            f"| {deviation(results[0].scores, expected.scores) if same else ''} |"
        )
    ratio = medians["twice as long: oracle"] / medians["oracle"]
    print(f"\nTwice the length takes {ratio:.2f} times as long.\n")


def certify(seconds: int, root: Path | None) -> tuple[float, float, str, float]:
    """Find optimal masks once: seconds, bytes, steps of the sources, the largest gap in dB."""
    track = long_track(seconds, root)
    sources = np.stack(list(track.sources.values()))
    start = time.perf_counter()
    optimum = oracle.optimal.optimal_mask(sources, track.mixture, tolerance=GAP)
    elapsed = time.perf_counter() - start
    gap = float(np.max(optimum.certified - optimum.achieved))
    return elapsed, peak_memory(), ", ".join(map(str, optimum.iterations)), gap


def optimal_table(seconds: int, rounds: int, root: Path | None) -> None:
    """Run the third benchmark and print its table."""
    print(f"Optimal masks of four sources in stereo, certified within {GAP} dB\n")
    print("| | seconds | peak memory (GB) | steps | largest gap (dB) |")
    print("|---|---|---|---|---|")
    lengths = (seconds, 2 * seconds)
    runs: dict[int, list[tuple[float, float, str, float]]] = {length: [] for length in lengths}
    for _ in range(rounds):
        for length in lengths:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                runs[length].append(pool.apply(certify, (length, root)))
    medians = {}
    for length, results in runs.items():
        medians[length] = statistics.median(elapsed for elapsed, *_ in results)
        memory = max(memory for _, memory, *_ in results)
        *_, steps, gap = results[0]
        print(f"| {length} s | {medians[length]:.1f} | {memory / 1e9:.2f} | {steps} | {gap:.3f} |")
    ratio = medians[2 * seconds] / medians[seconds]
    print(f"\nTwice the length takes {ratio:.2f} times as long.\n")


def peak_memory() -> float:
    """Tell the peak of this process in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def stft_contestants(audio: Audio, workers: int) -> dict[str, Callable[[], Audio]]:
    """Make the functions to time: each transforms the audio forward and back."""
    stft = oracle.STFT(n_fft=N_FFT, hop_length=HOP, workers=workers)
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


def stft_table(n_channels: int, seconds: int, rounds: int, workers: int) -> None:
    """Run the second benchmark and print its table."""
    audio = np.random.default_rng(0).standard_normal((n_channels, seconds * RATE), np.float32)
    contestants = stft_contestants(audio, workers)
    results = {name: work() for name, work in contestants.items()}  # this also warms up
    deviations = {
        name: f"{np.abs(result - audio).max():.1e}" if result.shape == audio.shape else ""
        for name, result in results.items()
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(each) for name, each in times.items()}
    print(
        f"STFT {N_FFT}/{HOP}, forward and inverse, float32, {n_channels} channels x "
        f"{seconds} s, {workers} workers\n"
    )
    print("| | seconds | relative to oracle | deviation |")
    print("|---|---|---|---|")
    for name, median in medians.items():
        ratio = median / medians["oracle.STFT"]
        print(f"| {name} | {median:.3f} | {ratio:.2f} | {deviations[name]} |")


def main() -> None:
    """Run the benchmarks and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("bounds", "stft", "optimal"), help="one of these")
    parser.add_argument("--seconds", type=int, default=240, help="length of the track")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each but museval")
    parser.add_argument("--root", type=Path, help="folder of MUSDB18; its first track is used")
    parser.add_argument("--stft-channels", type=int, default=10)
    parser.add_argument("--stft-seconds", type=int, default=60)
    parser.add_argument("--stft-rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, default=-1, help="STFT: threads; -1: one a core")
    options = parser.parse_args()
    if options.only in (None, "bounds"):
        bounds_table(options.seconds, options.rounds, options.root)
    if options.only in (None, "optimal"):
        optimal_table(options.seconds, options.rounds, options.root)
    if options.only in (None, "stft"):
        stft_table(
            options.stft_channels, options.stft_seconds, options.stft_rounds, options.workers
        )


if __name__ == "__main__":
    main()
