"""The STFT of arrays of any library: differentiable, on their device, and equal to numpy's.

Hops are sliced and put together: no array is written to.
"""

from typing import Any

from oracle.machine.libraries import find_device, is_torch
from oracle.stft.frames import Frames


def transform_array(xp: Any, frames: Frames, audio: Any) -> Any:
    """Transform audio, shape (..., n_samples), to a spectrum, shape (..., n_freqs, n_frames)."""
    n_samples, half = audio.shape[-1], frames.n_fft // 2
    n_frames, n_hops, overlap = _count_hops(frames, n_samples)
    after = n_hops * frames.hop_length - half - n_samples
    padded = xp.concat([_zeros(xp, audio, half), audio, _zeros(xp, audio, after)], axis=-1)
    if is_torch(padded):
        framed = padded.unfold(-1, frames.n_fft, frames.hop_length)[..., :n_frames, :]  # a view
    else:
        hops = xp.reshape(padded, (*audio.shape[:-1], n_hops, frames.hop_length))
        strips = [hops[..., first : first + n_frames, :] for first in range(overlap)]
        framed = xp.concat(strips, axis=-1)[..., : frames.n_fft]
    return xp.matrix_transpose(xp.fft.rfft(framed * _window(xp, frames, audio)))


def invert_array(xp: Any, frames: Frames, spectrum: Any, n_samples: int) -> Any:
    """Transform a spectrum back to the audio, shape (..., n_samples), whose own is closest."""
    framed = xp.fft.irfft(xp.matrix_transpose(spectrum), n=frames.n_fft)
    window = _window(xp, frames, framed)
    squares = xp.broadcast_to(window**2, framed.shape[-2:])
    inside = slice(frames.n_fft // 2, frames.n_fft // 2 + n_samples)
    added, weight = (
        _overlap_add(xp, frames, each, n_samples)[..., inside]
        for each in (framed * window, squares)
    )
    return added / weight


def _overlap_add(xp: Any, frames: Frames, framed: Any, n_samples: int) -> Any:
    """Add frames to a signal, one hop's worth of each at a time."""
    _, n_hops, overlap = _count_hops(frames, n_samples)
    hop = frames.hop_length
    whole = xp.concat([framed, _zeros(xp, framed, overlap * hop - frames.n_fft)], axis=-1)
    none = xp.matrix_transpose(_zeros(xp, xp.matrix_transpose(whole), overlap - 1))[..., :hop]
    added: Any = 0
    for first in range(overlap):
        strip = whole[..., first * hop : (first + 1) * hop]
        added += xp.concat(
            [none[..., :first, :], strip, none[..., : overlap - 1 - first, :]], axis=-2
        )
    return xp.reshape(added, (*framed.shape[:-2], n_hops * hop))


def _count_hops(frames: Frames, n_samples: int) -> tuple[int, int, int]:
    """Count the frames of a signal, the hops under them, and the hops under a frame."""
    n_frames = frames.count(n_samples)
    overlap = -(-frames.n_fft // frames.hop_length)
    return n_frames, n_frames - 1 + overlap, overlap


def _zeros(xp: Any, array: Any, length: int) -> Any:
    """Make an array of zeros, like another but for the length of its last axis."""
    shape = (*array.shape[:-1], length)
    return xp.zeros(shape, dtype=array.dtype, device=find_device(array))


def _window(xp: Any, frames: Frames, like: Any) -> Any:
    return xp.asarray(frames.window_samples, dtype=like.dtype, device=find_device(like))
