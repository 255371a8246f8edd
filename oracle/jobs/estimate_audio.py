"""Estimates of a track: read from their files, summed to the accompaniment; what is missing."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from oracle.datasets.audio_files import read_audio
from oracle.tracks.rest import Completed
from oracle.tracks.track import (
    ACCOMPANIMENT,
    VOCALS,
    Audio,
    Track,
    add_up,
    check_like,
    target_names,
)


def read_estimates(
    files: Mapping[str, Path], track: Track, *, fit_length: bool
) -> dict[str, Audio]:
    """Read the estimates of a track, in the order of `list_estimated`."""
    return {
        target: _read_fitted(files[target], track, fit_length=fit_length)
        for target in list_estimated(track)
        if target in files
    }


def list_estimated(track: Track) -> list[str]:
    """List what a system may estimate: the targets, and the sources that were joined to one."""
    return [*target_names(track.sources), *track.joined]


def sum_accompaniment(audio: Mapping[str, Audio], completed: Completed) -> dict[str, Audio]:
    """Return the estimates of targets; add the accompaniment, if all that is in it is estimated.

    A system need not estimate the source that completed the track. Without that estimate the
    accompaniment is scored only if there is an estimate of it. If sources were joined to the
    accompaniment, their estimates are only summed.
    """
    track = completed.track
    targets = target_names(track.sources)
    given = {target: audio[target] for target in targets if target in audio}
    others = track.joined or [source for source in track.sources if source != VOCALS]
    if ACCOMPANIMENT in given or ACCOMPANIMENT not in targets or not set(others) <= audio.keys():
        return given
    return {**given, ACCOMPANIMENT: add_up(audio[source] for source in others)}


def list_missing(audio: Mapping[str, Audio], completed: Completed) -> list[str]:
    """List the targets without an estimate; a source that completed the track needs none."""
    targets = target_names(completed.track.sources)
    added = {completed.added} - completed.given.sources.keys()
    return [each for each in targets if each not in {*audio, *added}]


def _read_fitted(file: Path, track: Track, *, fit_length: bool) -> Audio:
    """Read an estimate and check it against the references; fit its length if asked to."""
    rate, estimate = read_audio(file)
    n_channels, n_samples = estimate.shape
    if rate != track.rate:
        raise ValueError(
            f"estimates must have the rate of references, {track.rate} Hz, got {rate} Hz in {file}"
            f": resample it (ffmpeg -ar {track.rate})"
        )
    if n_channels != track.n_channels:
        raise ValueError(
            f"estimates must have the {track.n_channels} channels of references, "
            f"got {n_channels} in {file}: convert it (ffmpeg -ac {track.n_channels})"
        )
    if not np.isfinite(estimate).all():
        raise ValueError(f"estimates must be finite, got NaN or infinity in {file}")
    if n_samples != track.n_samples and not fit_length:
        longer = n_samples - track.n_samples
        raise ValueError(
            f"estimates must have the {track.n_samples} samples of references, got {n_samples} "
            f"in {file}: {abs(longer)} {'more' if longer > 0 else 'fewer'} "
            "(--fit-length, in Python fit_length=True, cuts or pads at the end)"
        )
    return _cut_or_pad(estimate, track.n_samples)


def fit(argument: str, estimate: Audio, mixture: Audio, *, fit_length: bool) -> Audio:
    """Check an array against the mixture; fit its length if asked to."""
    fits = isinstance(estimate, np.ndarray) and estimate.shape[:-1] == mixture.shape[:-1]
    if fit_length and fits and estimate.size:
        estimate = _cut_or_pad(estimate, mixture.shape[-1])
    check_like(argument, estimate, mixture)
    return estimate


def _cut_or_pad(estimate: Audio, n_samples: int) -> Audio:
    missing = n_samples - estimate.shape[-1]
    return np.pad(estimate, ((0, 0), (0, missing))) if missing > 0 else estimate[:, :n_samples]
