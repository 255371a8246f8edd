"""Record the speed and memory of a short job, beside numpy's FFT in the same process.

    python scripts/record_speed.py

The job: the five methods of SiSEC 2018 on the embedded waltz (13 s, four sources, stereo), with all
of museval's metrics, in one thread. The FFT: that of the mixture and the sources in frames of the
STFT's size, forward and inverse. Both run in turns. What counts is the ratio of their medians: a
slow or busy machine slows both. Memory is the peak of the process, before and after the job. There
is no threshold: compare with the logs of earlier runs.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import oracle
from oracle.machine.threads import limited_threads

METHODS = ("IBM1", "IBM2", "IRM1", "IRM2", "MWF")
N_FFT, HOP = 2048, 1024
N_TURNS = 3


def take_time(work: Callable[[], object]) -> float:
    """Do some work; tell how long it took, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def find_peak() -> float:
    """Find the peak memory of this process so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    """Run both in turns, and print a line."""
    track = oracle.datasets.waltz()
    signals = np.stack([track.mixture, *track.sources.values()]).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(signals, N_FFT, axis=-1)[..., ::HOP, :]

    def transform() -> None:
        for each in frames:
            np.fft.irfft(np.fft.rfft(each), N_FFT)

    def compute() -> None:
        oracle.compute_bounds(track, methods=METHODS)

    with limited_threads(1):
        transform()
        before = find_peak()
        compute()
        ffts, jobs = zip(
            *((take_time(transform), take_time(compute)) for _ in range(N_TURNS)), strict=True
        )
    fft, job = statistics.median(ffts), statistics.median(jobs)
    print(
        f"five methods on the waltz: {job:.2f} s, {job / fft:.1f} times numpy's FFT ({fft:.4f} s); "
        f"peak memory {find_peak():.0f} MB, {find_peak() / before:.2f} times that before the job "
        f"({before:.0f} MB)"
    )


if __name__ == "__main__":
    main()
