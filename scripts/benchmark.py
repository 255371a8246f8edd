"""Measure speed, memory and exactness side by side, in one run.

    pip install '.[bench]' && python scripts/benchmark.py

Prints five Markdown tables. The first is of bounds: the five oracle methods of SiSEC 2018 (IBM1,
IBM2, IRM1, IRM2, MWF) on one long stereo track with four sources, separated and scored in
museval's two groups, by masks on scipy.signal and `museval.eval_mus_track`, and by this package.
The track is the embedded waltz, or the first track of MUSDB18 under --root, repeated and
modulated. Every contestant runs in processes of its own: museval, which takes ten minutes, once,
the others several times in turns. Memory is the peak of the process, all included. The deviation
is the largest from museval's score (of five decimals) in any window, target, metric and method.

The second table is of the STFT, forward and inverse, against librosa and a bare FFT: scipy's, of
as many frames, already cut and windowed. Its deviation is from the input.

The third is of OPT and CEILING on that long track: the best masks of all five targets, and the
ceilings of uSDR and of every window, in as many times the time that the five methods take with all
of museval's metrics. `--threads 1` gives everything one thread.

The fourth is of the peak memory of `oracle bounds`, all rows and metrics, for tracks of several
lengths.

The fifth is of masks, beside masks written by hand: see scripts/masks_by_hand.py.

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
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal
from masks_by_hand import masks_table

import oracle
from oracle.jobs.track_scores import BOUNDS, score_track
from oracle.machine.threads import limited_threads
from oracle.metrics.names import MUSEVAL
from oracle.optimal import of_track
from oracle.optimal.chunks import MARGIN
from oracle.optimal.goals import Goal
from oracle.tracks.track import with_accompaniment

Audio = npt.NDArray[np.float32]
Sources = dict[str, npt.NDArray[Any]]

METHODS = ("IBM1", "IBM2", "IRM1", "IRM2", "MWF")
N_FFT, HOP = 2048, 1024
RATE = 44100

# By method, target, metric and window.
Scores = dict[tuple[str, str, str, int], float]


# What the first table has rows of.
COMPARED = ("scipy.signal masks + museval", "oracle", "oracle, SDR only")


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
    scores: Scores = {}
    scored = score_track(track, METHODS, metrics=metrics)
    for _, _, method, target, metric, start, _, score in scored.result:
        scores[method, target, metric, round(start)] = score
    return scores


CONTESTANTS: dict[str, Callable[[oracle.Track], Scores]] = {
    "scipy.signal masks + museval": scipy_and_museval,
    "oracle": lambda track: ours(track, MUSEVAL),
    "oracle, SDR only": lambda track: ours(track, ("SDR",)),
    "OPT and CEILING": lambda track: certify(track, of_track.TOLERANCE),
    "OPT and CEILING within 0.05 dB": lambda track: certify(track, 0.05),
    "every row": lambda track: every_row(track),
}


def measure(name: str, seconds: int, root: Path | None, threads: int | None) -> Result:
    """Run a contestant once; in a process of its own, the peak of memory is its own."""
    track = long_track(seconds, root)
    with limited_threads(threads) if threads else nullcontext():
        start = time.perf_counter()
        scores = CONTESTANTS[name](track)
        elapsed = time.perf_counter() - start
    return Result(elapsed, peak_memory(), scores)


def in_process(name: str, seconds: int, root: Path | None, threads: int | None) -> Result:
    """Measure in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (name, seconds, root, threads))


def deviation(scores: Scores, expected: Scores) -> str:
    """Tell the largest deviation, which may not lie in what is NaN."""
    common = [key for key in expected if key[2] in {metric for _, _, metric, _ in scores}]
    if {key for key in common if math.isnan(scores[key])} != {
        key for key in common if math.isnan(expected[key])
    }:
        return "NaN elsewhere"
    return f"{np.nanmax([abs(scores[key] - expected[key]) for key in common]):.1e}"


def bounds_table(seconds: int, rounds: int, root: Path | None, threads: int | None) -> None:
    """Run the first benchmark and print its table."""
    peer, *names = COMPARED
    print(
        f"Five methods, {', '.join(METHODS)}, on {seconds} s of stereo with four sources, "
        f"{threads or os.cpu_count()} threads, {platform.machine()}\n"
    )
    lengths = dict.fromkeys(names, seconds) | {"twice as long: oracle": 2 * seconds}
    runs: dict[str, list[Result]] = {name: [] for name in lengths}
    expected = in_process(peer, seconds, root, threads)
    for _ in range(rounds):
        for label, length in lengths.items():
            name = label.removeprefix("twice as long: ")
            runs[label].append(in_process(name, length, root, threads))
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


def certify(track: oracle.Track, tolerance: float) -> Scores:
    """Find the best masks and the ceilings of a track; the scores are those of whole tracks."""
    of_track.GOAL = Goal(MARGIN * tolerance, of_track.STEPS)  # in a process of its own
    scored = score_track(track, ["OPT", "CEILING"], metrics=["SDR", "uSDR"])
    return {
        (method, target, metric, 0): score
        for _, _, method, target, metric, start, _, score in scored.result
        if start is None
    }


def every_row(track: oracle.Track) -> Scores:
    """Do what `oracle bounds` does to a track unless told otherwise."""
    score_track(track, BOUNDS)
    return {}


def optimal_table(seconds: int, rounds: int, root: Path | None, threads: int | None) -> None:
    """Run the third benchmark and print its table."""
    names = ("oracle", "OPT and CEILING", "OPT and CEILING within 0.05 dB")
    runs: dict[str, list[Result]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(in_process(name, seconds, root, threads))
    print(
        f"The best masks of five targets on {seconds} s of stereo, and the ceilings of uSDR and of "
        f"every window, certified within {of_track.TOLERANCE} dB\n"
    )
    print("| | seconds | times the five methods | peak memory (GB) | largest gap of uSDR (dB) |")
    print("|---|---|---|---|---|")
    five = statistics.median(result.seconds for result in runs["oracle"])
    print(f"| five methods, all metrics | {five:.1f} | 1 | | |")
    for name in names[1:]:
        took = statistics.median(result.seconds for result in runs[name])
        memory = max(result.memory for result in runs[name])
        scores = runs[name][0].scores
        gap = max(
            scores["CEILING", target, "uSDR", 0] - scores["OPT", target, "uSDR", 0]
            for method, target, *_ in scores
            if method == "OPT"
        )
        print(f"| {name} | {took:.1f} | {took / five:.2f} | {memory / 1e9:.2f} | {gap:.3f} |")
    print()


def memory_table(root: Path | None, lengths: tuple[int, ...] = (60, 240, 1800)) -> None:
    """Run the fourth benchmark and print its table."""
    print("All rows and metrics of `oracle bounds`, in one process\n")
    print("| length (s) | seconds | times the length | peak memory (GB) | beyond the audio (GB) |")
    print("|---|---|---|---|---|")
    for seconds in lengths:
        result = in_process("every row", seconds, root, None)
        audio = sum(each.nbytes for each in long_track(1, root).targets.values()) * seconds
        audio += long_track(1, root).mixture.nbytes * seconds
        print(
            f"| {seconds} | {result.seconds:.1f} | {result.seconds / seconds:.2f} "
            f"| {result.memory / 1e9:.2f} | {(result.memory - audio) / 1e9:.2f} |"
        )
    print()


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
    parser.add_argument(
        "--only", choices=("bounds", "optimal", "memory", "stft", "masks"), help="one of these"
    )
    parser.add_argument("--seconds", type=int, default=240, help="length of the track")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each but museval")
    parser.add_argument("--root", type=Path, help="folder of MUSDB18; its first track is used")
    parser.add_argument("--threads", type=int, help="of the first and third; one a core by default")
    parser.add_argument("--stft-channels", type=int, default=10)
    parser.add_argument("--stft-seconds", type=int, default=60)
    parser.add_argument("--stft-rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, default=-1, help="STFT: threads; -1: one a core")
    options = parser.parse_args()
    if options.only in (None, "bounds"):
        bounds_table(options.seconds, options.rounds, options.root, options.threads)
    if options.only in (None, "optimal"):
        optimal_table(options.seconds, options.rounds, options.root, options.threads)
    if options.only in (None, "memory"):
        memory_table(options.root)
    if options.only in (None, "stft"):
        stft_table(
            options.stft_channels, options.stft_seconds, options.stft_rounds, options.workers
        )
    if options.only in (None, "masks"):
        masks_table()


if __name__ == "__main__":
    main()
