"""Scores: every metric of the estimates of a track, target by target."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from oracle.metrics import (
    framewise_sdr,
    scale_invariant_ratios,
    window_starts,
)
from oracle.track import ACCOMPANIMENT, VOCALS, Audio

# museval's metrics, which have a value per window; ISR, SIR and SAR are still to come.
FRAMEWISE = ("SDR",)
GLOBAL = ("uSDR", "SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR", "SNR", "SRR")
METRICS = FRAMEWISE + GLOBAL

# Length of museval's windows, and the hop from one to the next, in seconds.
WINDOW = 1.0


class Score(NamedTuple):
    """One value of one metric: of a window, or of the whole track (time and duration None).

    Times are in seconds, scores in dB.
    """

    target: str
    metric: str
    time: float | None
    duration: float | None
    score: float


def score_estimates(
    references: Mapping[str, Audio], estimates: Mapping[str, Audio], *, rate: int
) -> list[Score]:
    """Score the estimates of a track with every metric.

    museval's metrics are computed in its two groups: all targets but the accompaniment,
    then vocals and accompaniment, from which the vocals' figures are taken; a window in
    which anything of a group is silent is NaN for the whole group. The scale-invariant
    metrics take all sources as possible interference, and vocals and accompaniment for
    the accompaniment.

    Parameters
    ----------
    references : mapping from str to array of shape (n_channels, n_samples)
        The targets of the track, by name (see `Track.targets`).
    estimates : mapping from str to array of shape (n_channels, n_samples)
        An estimate of every target, by the same names.
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    scores : list of Score
        By target, then metric, then time.

    Raises
    ------
    ValueError
        If the names or shapes differ.
    """
    if estimates.keys() != references.keys():
        raise ValueError(
            f"estimates must have the targets of references, {', '.join(references)}, "
            f"got {', '.join(estimates)}"
        )
    window = max(int(WINDOW * rate), 1)
    n_samples = next(iter(references.values())).shape[-1]
    starts = window_starts(n_samples, window=window, hop=window)
    duration = min(window, n_samples) / rate
    sdr: dict[str, list[float]] = {}
    whole: dict[str, list[float]] = {}
    for group in groups(list(references)):
        truths = [references[target] for target in group]
        guesses = [estimates[target] for target in group]
        # The later group stands for museval's metrics, the earlier for the others.
        sdr |= zip(
            group, framewise_sdr(truths, guesses, window=window, hop=window).tolist(), strict=True
        )
        ratios = scale_invariant_ratios(truths, guesses)
        columns = [ratios.snr, *ratios]  # uSDR is SNR
        whole = dict(zip(group, np.transpose(columns).tolist(), strict=True)) | whole
    scores = []
    for target in references:
        for start, value in zip(starts, sdr[target], strict=True):
            scores.append(Score(target, "SDR", start / rate, duration, value))
        for metric, value in zip(GLOBAL, whole[target], strict=True):
            scores.append(Score(target, metric, None, None, value))
    return scores


def groups(targets: Sequence[str]) -> list[list[str]]:
    """Return the groups in which museval evaluates targets.

    Parameters
    ----------
    targets : sequence of str
        Names of the targets of a track.

    Returns
    -------
    groups : list of lists of str
        With vocals and accompaniment, all targets but the accompaniment, then these two;
        otherwise all targets.

    Examples
    --------
    >>> groups(["drums", "bass", "vocals", "accompaniment"])
    [['drums', 'bass', 'vocals'], ['vocals', 'accompaniment']]
    >>> groups(["vocals", "accompaniment"])
    [['vocals', 'accompaniment']]
    """
    pair = [VOCALS, ACCOMPANIMENT]
    if not set(pair) <= set(targets):
        return [list(targets)]
    sources = [target for target in targets if target != ACCOMPANIMENT]
    return [pair] if sources == [VOCALS] else [sources, pair]
