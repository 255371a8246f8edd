"""Synthesis: the map from a mask, through the inverse STFT, to samples, and its adjoint.

The file is long because one class holds the whole map: both directions need the same frames,
phases and magnitudes of the mixture.
"""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.machine.levels import find_level
from oracle.optimal.bands import Bands
from oracle.optimal.classes import Mask, MaskClass, Reals, Scaled
from oracle.stft import STFT
from oracle.stft.frames import Spectrum, place_in, split
from oracle.tracks.track import Audio

# Samples in the windows of a block of frames: few enough that its arrays stay in the cache.
BLOCK_SAMPLES = 2**17

# The square of a smaller number loses digits.
SMALLEST = 1e-130

# Up to this many frames, keep the mixture's STFT in double precision for the next source.
MOST_KEPT = 256


class Synthesis:
    """The linear map B from a mask to some samples of the masked mixture, and its adjoint.

    With X the STFT of the mixture and z = |X| m, the estimate ``inverse(m X)`` is B z,
    linear in the real array z over all frames that reach into the samples. The inverse STFT
    takes the inverse FFT of each frame, windows it, overlap-adds the frames and divides by D,
    the sum of the squared windows. Its adjoint divides by D, cuts out the frames, windows them
    and takes the adjoint of the inverse FFT. A real mask keeps the phase of X, hence

        B^T r = w Re( conj(X / |X|) forward(r / D) ),

    with w = 1 / n_fft for frequencies 0 and n_fft / 2, and w = 2 / n_fft for all others, which
    stand for a conjugate pair in the real FFT. r / D is 0 outside the samples. The edges of the
    signal are no special case, except in D.

    Bins that share a mask value, across channels or within a band, are one number in z:
    there |X| is their norm, and B^T r their sum. Complex masks need no phase: z = X m is the
    STFT of the estimate itself, and B^T r = w forward(r / D).

    Parameters
    ----------
    stft : STFT
        The transform.
    mixture : array of shape (n_channels, n_samples), float32 or float64
        The signal to mask.
    masks : MaskClass
        The class of masks: which bins share a value, and whether values are complex.
    piece : slice, optional
        The samples; all by default.
    frames : slice, optional
        The frames; all that reach into the samples by default.
    level : int, optional
        The map masks 2^-level times the mixture. By default, the level that brings the peak
        under the frames near 1.
    floor : float, optional
        If not 0, bins up to this fraction of the norm of their frame count as 0, and so do bins
        too small for a precise square.
    dtype : dtype, optional
        The precision to work in, float32 or float64; that of the mixture by default.

    Attributes
    ----------
    piece : slice
        The samples.
    frames : slice
        The frames of the mask.
    inside : slice
        Where the samples lie among all samples under the frames ("padded").
    bands : Bands
        The bins that share a value of the mask.
    blocks : list of slice
        The frames, a few at a time.
    squares : array of shape (n_padded,), float64
        D in the samples, 0 elsewhere.
    inverse_squares : array of shape (n_padded,)
        1 / D in the samples, 0 elsewhere.
    step : float
        A safe step length along B^T r / w: ||B z||^2 <= sum w |z|^2 / step.
    """

    def __init__(
        self,
        stft: STFT,
        mixture: Audio,
        masks: MaskClass,
        *,
        piece: slice | None = None,
        frames: slice | None = None,
        level: int | None = None,
        floor: float = 0.0,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.stft, self.masks = stft, masks
        self.bands = Bands(masks.bands, stft.n_fft)
        self.dtype = np.dtype(mixture.dtype if dtype is None else dtype)
        self._mixture, self._floor = mixture, floor
        n_samples = mixture.shape[-1]
        self.piece = piece = slice(0, n_samples) if piece is None else piece
        self.frames = (
            stft.frames.find(piece.start, piece.stop, n_samples) if frames is None else frames
        )
        self.level = find_level(stft.frames.under(self.frames, mixture)) if level is None else level
        self.n_frames = self.frames.stop - self.frames.start
        self.blocks = split_blocks(slice(0, self.n_frames), stft.n_fft)
        self.inside = place_in(stft.frames.samples_under(self.frames), piece)
        self.squares = np.zeros(stft.frames.padded_length(self.n_frames))
        self.squares[self.inside] = stft.frames.sum_of_squares(n_samples, piece=piece)
        self.inverse_squares = np.zeros(len(self.squares), self.dtype)
        self.inverse_squares[self.inside] = 1 / self.squares[self.inside]
        self.step = float(self.squares[self.inside].min())
        self._shares = self.bands.shares.astype(self.dtype)
        self._kept: dict[int, Spectrum] = {}

    def in_double(self) -> "Synthesis":
        """Return the same map in double precision."""
        return Synthesis(
            self.stft,
            self._mixture,
            self.masks,
            piece=self.piece,
            frames=self.frames,
            level=self.level,
            floor=self._floor,
            dtype=np.float64,
        )

    def of_frames(self, frames: slice) -> "Synthesis":
        """Return the map from some frames, counted from the first here, to samples under them."""
        own = slice(self.frames.start + frames.start, self.frames.start + frames.stop)
        under = self.stft.frames.samples_under(own)
        result = Synthesis(
            self.stft,
            self._mixture,
            self.masks,
            piece=slice(max(under.start, self.piece.start), min(under.stop, self.piece.stop)),
            frames=own,
            level=self.level,
            floor=self._floor,
            dtype=self.dtype,
        )
        phase, magnitude = self._analysed
        if not self.masks.complex_valued:
            phase = phase[:, frames]
        result._analysed = phase, magnitude[:, frames]
        return result

    @property
    def phase(self) -> Spectrum:
        """X / |X|, 0 where X is 0, of shape (n_channels, n_frames, n_freqs)."""
        return self._analysed[0]

    @property
    def magnitude(self) -> Reals:
        """|X|, of shape (n_channels or 1, n_frames, n_freqs or n_bands)."""
        return self._analysed[1]

    @cached_property
    def _analysed(self) -> tuple[Spectrum, Reals]:
        """Compute phase and magnitude of the mixture, in the precision of the map."""
        n_channels, n_freqs = self.n_channels, self.stft.n_freqs
        n_rows = 1 if self.masks.shared else n_channels
        magnitudes = np.empty((n_rows, self.n_frames, self.bands.count), self.dtype)
        kind = np.result_type(self.dtype, np.complex64)
        # Complex masks need no phase.
        shape = (0,) if self.masks.complex_valued else (n_channels, self.n_frames, n_freqs)
        phases = np.empty(shape, kind)

        for block in self.blocks:
            spectra = self.stft.frames.analyse(self.under(block, self.dtype))
            magnitude = np.abs(spectra)
            if self._floor:
                norms = np.linalg.norm(magnitude, axis=-1, keepdims=True)
                magnitude[magnitude <= np.maximum(self._floor * norms, SMALLEST)] = 0
            if self.masks.shared:
                # By hypot, because squares may overflow or underflow.
                magnitude = np.hypot.reduce(magnitude, axis=0, keepdims=True)
            magnitude = self.bands.combine_sizes(magnitude)
            magnitudes[:, block] = magnitude
            if self.masks.complex_valued:
                continue
            # Part by part: to divide a complex number, numpy multiplies by the reciprocal, which
            # may overflow.
            divisor = self.bands.spread(np.where(magnitude > 0, magnitude, np.inf))
            phases[:, block].real = spectra.real / divisor
            phases[:, block].imag = spectra.imag / divisor
        return phases, magnitudes

    def spectra_in_double(self, block: slice) -> Spectrum:
        """Compute the STFT of the scaled mixture in a block; keep it if there are few frames."""
        if block.start not in self._kept:
            spectra = self.stft.frames.analyse(self.under(block, np.float64))
            if self.n_frames > MOST_KEPT:
                return spectra
            self._kept[block.start] = spectra
        return self._kept[block.start]

    @cached_property
    def energies(self) -> npt.NDArray[np.float64]:
        """Upper bound on the energy of the mixture's STFT, array of shape (n_channels,)."""
        samples = self.under(slice(0, self.n_frames), np.float64)
        overlap = -(-self.stft.n_fft // self.stft.hop_length)
        largest = overlap * float((self.stft.window_samples**2).max())
        return np.asarray(largest * np.einsum("cn,cn->c", samples, samples))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self._mixture)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """The weight w of each number in a frame of z; for a band, the largest in it."""
        return self.bands.weights

    def under(self, block: slice, dtype: npt.DTypeLike) -> Audio:
        """Return the samples of the scaled mixture under the frames of a block."""
        first = self.frames.start
        frames = slice(first + block.start, first + block.stop)
        samples = self.stft.frames.under(frames, self._mixture, dtype=dtype)
        return np.ldexp(samples, -self.level, out=samples)

    def region(self, block: slice) -> slice:
        """Tell where the frames of a block lie among all padded samples."""
        start = block.start * self.stft.hop_length
        return slice(start, start + self.stft.frames.padded_length(block.stop - block.start))

    def padded(self, signal: Audio) -> Audio:
        """Place a signal on the samples, with zeros elsewhere."""
        padded = np.zeros((len(signal), len(self.squares)), self.dtype)
        padded[:, self.inside] = signal
        return padded

    def mixture_times_squares(self) -> Audio:
        """Return D x in the samples; B^T D x = w |X|."""
        mixture = self.under(slice(0, self.n_frames), np.float64)
        return mixture[:, self.inside] * self.squares[self.inside]

    def project(self, padded: Audio, block: slice, *, out: Scaled) -> None:
        """Project a signal onto the phase of the mixture in a block: B^T D r / w."""
        spectra = self.stft.frames.analyse(padded)
        if self.masks.complex_valued:
            out[:] = spectra
            return
        # Real and imaginary parts as real numbers: faster than a complex product in numpy.
        parts = spectra.view(padded.dtype)
        parts *= self.phase[:, block].view(padded.dtype)
        real, imaginary = parts[..., 0::2], parts[..., 1::2]
        if not self.masks.shared and self.masks.bands is None:
            np.add(real, imaginary, out=out)
            return
        result: Reals = real + imaginary
        if self.masks.bands is not None:
            result *= self._shares
            result = self.bands.add_up(result)
        if self.masks.shared:
            result = result.sum(axis=0, keepdims=True)
        out[:] = result

    def synthesize(self, scaled: Scaled, block: slice, *, into: Audio) -> None:
        """Add D B z of the frames of a block to the samples under them."""
        spectra: Any = scaled
        if not self.masks.complex_valued:
            spectra = self.phase[:, block] * self.bands.spread(scaled)
        self.stft.frames.synthesize(spectra, into=into)

    def forward(self, scaled: Scaled) -> Audio:
        """Compute B z, array of shape (n_channels, n_samples of the piece)."""
        total = np.zeros((self.n_channels, len(self.squares)), self.dtype)
        for block in self.blocks:
            self.synthesize(scaled[:, block], block, into=total[:, self.region(block)])
        return total[:, self.inside] * self.inverse_squares[self.inside]

    def adjoint(self, residual: Audio) -> Scaled:
        """Compute B^T r for a signal r on the samples of the piece."""
        padded = self.padded(residual) * self.inverse_squares
        weights = self.weights.astype(padded.dtype)
        result = self.empty()
        for block in self.blocks:
            self.project(padded[:, self.region(block)], block, out=result[:, block])
        result *= weights
        return result

    def empty(self) -> Scaled:
        """Return an empty array for z."""
        dtype = self.phase.dtype if self.masks.complex_valued else self.dtype
        return np.empty(self.magnitude.shape, dtype)

    def times_mixture(self, mask: Mask) -> Scaled:
        """Compute z from a mask of shape (n_channels or 1, n_frames, n_freqs)."""
        scaled = self.empty()
        if not self.masks.complex_valued:
            of_bands = mask if self.masks.bands is None else mask[..., self.masks.bands]
            return np.multiply(of_bands, self.magnitude, out=scaled)
        for block in self.blocks:
            spectra = self.stft.frames.analyse(self.under(block, self.dtype))
            np.multiply(mask[:, block], spectra, out=scaled[:, block])
        return scaled

    def mask(self, scaled: Scaled) -> Mask:
        """Compute the mask from z, for all frequencies; 0 where the mixture is silent."""
        size = np.where(self.magnitude > 0, self.magnitude, np.inf)
        if not self.masks.complex_valued:
            return np.asarray(self.bands.spread(scaled / size))
        # Part by part, as in `_analysed`.
        mask = np.empty_like(scaled)
        mask.real, mask.imag = scaled.real / size, scaled.imag / size
        for block in self.blocks:
            spectra = self.stft.frames.analyse(self.under(block, self.dtype))
            mask[:, block] *= spectra.real / size[:, block] - 1j * (spectra.imag / size[:, block])
        return mask


def split_blocks(frames: slice, n_fft: int) -> list[slice]:
    """Split frames into blocks."""
    return split(frames, max(BLOCK_SAMPLES // n_fft, 1))


def inner(signals: Scaled, others: Scaled) -> float:
    """Compute a real inner product, a complex number counting as two, in their precision."""
    return sum(float(np.vdot(a, b).real) for a, b in zip(signals, others, strict=True))
