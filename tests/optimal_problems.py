"""Small problems for tests of optimal masks: signals, transforms, and the map in full."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st

from oracle import STFT
from oracle.optimal import OptimalMask, optimal_mask
from oracle.tracks.track import Audio

Float64s = npt.NDArray[np.float64]

# What the rounding of a computed error is, relative to the energy of the source.
ROUNDING = 1e-12

WINDOWS: tuple[str | tuple[Any, ...], ...] = (
    "hann",
    "hamming",
    "boxcar",
    "blackman",
    ("kaiser", 8.0),
)
SMALL = STFT(n_fft=16, hop_length=8, workers=1)

SMALL_STFTS = (
    STFT(n_fft=8, hop_length=4, workers=1),
    STFT(n_fft=8, hop_length=2, window="hamming", workers=1),
    STFT(n_fft=9, hop_length=4, window="blackman", workers=1),
    STFT(n_fft=8, hop_length=8, window="boxcar", workers=1),
    STFT(n_fft=16, hop_length=5, window=("kaiser", 8.0), workers=1),
    STFT(n_fft=2, hop_length=1, workers=1),
)


class Problem(NamedTuple):
    """One source, as the only one of `sources`, and a mixture."""

    stft: STFT
    sources: Audio
    mixture: Audio
    shared: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one mask."""
        n_channels, n_samples = self.mixture.shape
        return (1 if self.shared else n_channels, self.stft.n_freqs, self.stft.n_frames(n_samples))

    @property
    def energy(self) -> float:
        """Of all sources."""
        return float((self.sources.astype(np.float64) ** 2).sum())

    def solve(self, **options: Any) -> OptimalMask:
        """Find the optimal masks."""
        options.setdefault("shared", self.shared)
        return optimal_mask(self.sources, self.mixture, stft=self.stft, **options)

    def estimate(self, mask: npt.NDArray[Any]) -> Float64s:
        """What a mask makes of the mixture, in double precision."""
        mixture = self.mixture.astype(np.float64)
        return np.asarray(
            self.stft.inverse(mask * self.stft.forward(mixture), n_samples=mixture.shape[1])
        )

    def error(self, mask: npt.NDArray[Any]) -> float:
        """The energy of the error of a mask, in double precision."""
        return float(((self.sources[0] - self.estimate(mask)) ** 2).sum())

    def matrix(self) -> Float64s:
        """The map from masks to samples, column by column, by the STFT alone."""
        n_channels, n_samples = self.mixture.shape
        spectra = self.stft.forward(self.mixture.astype(np.float64))
        units = np.eye(self.shape[1] * self.shape[2]).reshape(-1, *self.shape[1:])
        columns = [
            self.stft.inverse(units * spectrum, n_samples=n_samples).T for spectrum in spectra
        ]
        if self.shared:
            return np.concatenate(columns)
        zeros = np.zeros_like(columns[0])
        return np.block(
            [[c if i == j else zeros for j in range(n_channels)] for i, c in enumerate(columns)]
        )


def noise(n_channels: int, n_samples: int, *, seed: int = 0) -> Float64s:
    """Two independent sources."""
    return np.random.default_rng(seed).standard_normal((2, n_channels, n_samples))


def problem_of(
    n_channels: int,
    n_samples: int,
    *,
    seed: int = 0,
    stft: STFT = SMALL,
    shared: bool = False,
    dtype: Any = np.float64,
) -> Problem:
    sources = noise(n_channels, n_samples, seed=seed).astype(dtype)
    return Problem(stft, sources[:1], sources.sum(axis=0), shared)


def made_stft(n_fft: int, hop_length: int, window: str | tuple[Any, ...]) -> STFT | None:
    try:
        return STFT(n_fft=n_fft, hop_length=hop_length, window=window, workers=1)
    except ValueError:  # not invertible
        return None


@st.composite
def stfts(draw: st.DrawFn, *, longest: int = 24) -> STFT:
    n_fft = draw(st.integers(2, longest))
    hop_length = draw(st.integers(max(1, n_fft // 8), n_fft))
    stft = made_stft(n_fft, hop_length, draw(st.sampled_from(WINDOWS)))
    assume(stft is not None)
    assert stft is not None
    return stft


# Powers of two that take signals to where float32 has but a few digits, and beyond its squares.
LEVELS = (0, 0, 0, 0, -143, -126, 95)


@st.composite
def problems(draw: st.DrawFn, *, longest: int = 60, most_channels: int = 2) -> Problem:
    """Noise, sparse, correlated, decaying signals; the mixture need not hold the source at all."""
    stft = draw(stfts(longest=16))
    n_samples = draw(st.integers(1, longest))
    n_channels = draw(st.integers(1, most_channels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    source, other = rng.standard_normal((2, n_channels, n_samples))
    kind = draw(st.sampled_from(["noise", "sparse", "near", "opposite", "quiet", "decaying"]))
    if kind == "sparse":
        source, other = np.rint(source), np.rint(other)
    elif kind == "near":
        other *= 0.01
    elif kind == "opposite":
        other -= 2 * source
    elif kind == "quiet":
        source *= 1e-3
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    if kind == "decaying":
        decay = 10.0 ** -(np.arange(n_samples) * draw(st.sampled_from([0.1, 0.8, 6.0])))
        source, other = source * decay, other * decay
    level = 2.0 ** draw(st.sampled_from(LEVELS))
    source, mixture = (each.astype(dtype) for each in (level * source, level * (source + other)))
    assume(source.any())
    return Problem(stft, source[None], mixture, draw(st.booleans()))


def least_of(problem: Problem, certified: float) -> float:
    """The energy of the error that is certified."""
    return problem.energy * 10 ** (-certified / 10)


def assert_certified(problem: Problem, mask: npt.NDArray[Any], certified: float) -> None:
    assert problem.error(mask) >= least_of(problem, certified) - ROUNDING * problem.energy
