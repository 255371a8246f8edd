"""A track masked by s_i / max(s, s_i): its signals, spectra and residuals."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle import residuals
from oracle.datasets.opening import Holder, open_track
from oracle.masks import ideal_amplitude_mask
from oracle.metrics.energy_ratios import Float64s
from oracle.report.published import EXCERPT, WALTZ
from oracle.residuals import FrequencySeries
from oracle.stft import STFT
from oracle.stft.frames import Spectrum
from oracle.stft.transform import choose_stft
from oracle.tracks.track import Audio

# The rest of a mixture counts as one more source if it has more than this share of the mixture's
# energy. It has less in MUSDB18, where mixtures and stems are compressed separately.
NEGLIGIBLE = 0.01
REST = "(rest)"

# Phase errors are not shown where a source is more than 60 dB below its loudest bin.
HEARD = 1e-3

# The most bins that a smoothed periodogram is averaged over.
SMOOTHING = 1024


class MaskedTrack:
    """A track mixed to mono, with its mixture masked, in double precision.

    Parameters, attributes and errors are those of `oracle.WaltzReport`, which adds tables and
    figures. `mixture_spectrum` is the STFT of the mixture, of shape (n_freqs, n_frames).
    """

    def __init__(self, track: Holder, *, stft: STFT | None = None) -> None:
        track = open_track(track)
        self.name = track.name
        self.rate = track.rate
        self.stft = choose_stft(stft)
        if track.n_samples < 2 * self.stft.n_fft:
            raise ValueError(
                f"track must have at least two windows, {2 * self.stft.n_fft} samples, "
                f"got {track.n_samples} in {track.name!r}"
            )
        self.targets = list(track.sources)
        self.sources = list(self.targets)
        self.mixture = _mix_to_mono(track.mixture)
        self.references = np.stack([_mix_to_mono(audio) for audio in track.sources.values()])
        if not self.references.any():
            raise ValueError(
                f"track must have a source that is not silent in mono, got {track.name!r} with "
                f"{', '.join(self.targets)} silent"
            )
        rest = self.mixture - self.references.sum(axis=0)
        if np.square(rest).sum() > NEGLIGIBLE * np.square(self.mixture).sum():
            self.sources.append(REST)
            self.references = np.concatenate([self.references, rest[np.newaxis]])
        heard = [n for n, audio in zip(self.sources, self.references, strict=True) if audio.any()]
        if len(heard) < 2:
            raise ValueError(
                "track must have two sources, or a mixture with more in it than its one source, "
                f"got {track.name!r} with {heard[0]} alone"
            )
        self.mixture_spectrum = self.stft.forward(self.mixture)
        self.spectra = self.stft.forward(self.references)
        self.masks = ideal_amplitude_mask(self.spectra, self.mixture_spectrum)
        self.estimated_spectra = self.masks * self.mixture_spectrum
        self.estimates = self.invert(self.estimated_spectra)
        self.residuals = residuals.waveform_residuals(self.references, self.estimates)

    @property
    def duration(self) -> float:
        """Length of the track in seconds."""
        return self.mixture.size / self.rate

    @property
    def is_as_long_as_published(self) -> bool:
        """Whether the track is as long as the published excerpt."""
        shortest, longest = EXCERPT
        return shortest <= self.duration <= longest

    @property
    def is_as_published(self) -> bool:
        """Whether the track is the published excerpt, by its name and its length."""
        return self.name == WALTZ and self.is_as_long_as_published

    @cached_property
    def phase_errors(self) -> Float64s:
        """Phase errors in radians, of shape (n_sources, n_freqs, n_frames).

        NaN where the source is more than 60 dB below its loudest bin.
        """
        errors = residuals.phase_error(self.spectra, self.estimated_spectra)
        magnitudes = np.abs(self.spectra)
        errors[magnitudes < HEARD * magnitudes.max(axis=(1, 2), keepdims=True)] = np.nan
        return errors

    @cached_property
    def magnitude_residuals(self) -> Float64s:
        """How much the magnitudes of the estimates exceed those of the references."""
        return residuals.magnitude_residuals(self.spectra, self.estimated_spectra)

    @cached_property
    def phase_shares(self) -> Float64s:
        """The share of the squared error of each STFT that is due to phase; NaN without error."""
        return residuals.phase_share(self.spectra, self.estimated_spectra)

    @cached_property
    def coherence(self) -> FrequencySeries:
        """Coherence of each reference with its estimate."""
        return residuals.coherence(self.references, self.estimates, rate=self.rate)

    @cached_property
    def cross_spectra(self) -> FrequencySeries:
        """Cross-spectra of the residuals."""
        return residuals.cross_spectra(self.residuals, rate=self.rate)

    @cached_property
    def periodograms(self) -> FrequencySeries:
        """Periodograms of the residuals."""
        return residuals.periodogram(self.residuals, rate=self.rate)

    @property
    def n_smoothed(self) -> int:
        """How many frequencies a smoothed periodogram is averaged over."""
        return min(SMOOTHING, self.mixture.size // 2 + 1)

    @cached_property
    def smoothed_periodograms(self) -> FrequencySeries:
        """Periodograms of the residuals, smoothed and normalized."""
        return residuals.smooth(self.periodograms, n_bins=self.n_smoothed)

    def named(self, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Name the rows of an array after the sources of the track."""
        return dict(zip(self.targets, values, strict=False))

    def invert(self, spectra: Spectrum) -> Float64s:
        """Invert STFTs to signals as long as the mixture."""
        return np.asarray(self.stft.inverse(spectra, n_samples=self.mixture.size), np.float64)


def _mix_to_mono(audio: Audio) -> Float64s:
    return np.asarray(audio.mean(axis=0, dtype=np.float64))
