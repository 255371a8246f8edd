"""Functions: metrics computed from whole signals, once a track has been read."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.metrics.metric import Metric
from oracle.tracks.track import Audio


class WholeEstimates:
    """Estimates by several methods, put together piece by piece."""

    def __init__(self, n_samples: int) -> None:
        self._n_samples = n_samples
        self._audio: dict[str, dict[str, Audio]] = {}

    def add(self, piece: slice, several: Mapping[str, Mapping[str, Audio]]) -> None:
        """Add a piece of the estimates of each method, and samples after it that are ignored."""
        for method, estimates in several.items():
            whole = self._audio.setdefault(method, {})
            for target, audio in estimates.items():
                if target not in whole:
                    whole[target] = np.empty((len(audio), self._n_samples), audio.dtype)
                whole[target][:, piece] = audio[:, : piece.stop - piece.start]

    def stack(self, method: str, targets: Iterable[str]) -> Audio:
        """Stack the estimates of some targets by a method."""
        return np.stack([self._audio[method][target] for target in targets])


def compute_functions(
    metrics: Iterable[Metric],
    references: Audio,
    estimates: Audio,
    mixture: Audio,
    *,
    rate: int,
    windows: Sequence[slice],
) -> dict[str, Float64s]:
    """Compute metrics of one group of targets; references and estimates become read-only.

    Returns
    -------
    values : dict from str to array
        By metric: of shape (n_targets,), or (n_targets, n_windows) for metrics of windows.
    """
    for signals in (references, estimates):
        signals.flags.writeable = False  # a function must not change what the next one gets
    values = {}
    for metric in metrics:
        if metric.windows:
            in_windows = [
                metric.compute(references[..., w], estimates[..., w], mixture[:, w], rate)
                for w in windows
            ]
            values[metric.name] = np.stack(in_windows, axis=1)
        else:
            values[metric.name] = metric.compute(references, estimates, mixture, rate)
    return values
