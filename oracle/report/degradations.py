"""Three ways to spoil a signal: noise, interference, and artifacts by clipping.

These are the kinds of error that BSS Eval tells apart, made on purpose, at levels in dB.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from oracle.metrics.energy_ratios import Float64s, check_pair
from oracle.metrics.named import AnyMetric
from oracle.metrics.names import METRICS
from oracle.metrics.scorer import Scorer
from oracle.tracks.track import Audio, add_up

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("degradation", "level", "target", "metric", "score")
MAX_LEVEL = 600  # dB, well within the range of floats

# In dB: noise and interference relative to the signal, clipping relative to its peak.
LEVELS = (-30.0, -20.0, -10.0)


def add_noise(signal: Audio, *, level: float, rng: np.random.Generator | int) -> Float64s:
    """Add white Gaussian noise.

    Parameters
    ----------
    signal : array of shape (n_channels, n_samples), or any other shape
    level : float
        Energy of the noise in dB relative to that of the signal, exactly: the SNR is
        `-level`.
    rng : Generator or int
        Generator of the noise, or its seed.

    Returns
    -------
    noisy : array of the same shape, float64

    Raises
    ------
    ValueError
        If the signal is silent or not finite, or the level is outside -600 to 600 dB.

    Examples
    --------
    >>> import numpy as np
    >>> signal = np.ones((1, 1000))
    >>> noise = add_noise(signal, level=-20, rng=0) - signal
    >>> float((10 * np.log10(np.mean(noise**2))).round(9))
    -20.0
    """
    return add_interference(
        signal, np.random.default_rng(rng).standard_normal(np.shape(signal)), level=level
    )


def add_interference(signal: Audio, other: Audio, *, level: float) -> Float64s:
    """Add another signal.

    Parameters
    ----------
    signal : array of shape (n_channels, n_samples), or any other shape
    other : array of the same shape
        The interference: another source, or a sum of others.
    level : float
        Energy of the interference in dB relative to that of the signal.

    Returns
    -------
    spoilt : array of the same shape, float64

    Raises
    ------
    ValueError
        If the shapes differ, either is silent or not finite, or the level is outside -600 to
        600 dB.

    Examples
    --------
    >>> import numpy as np
    >>> add_interference(np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]]), level=-20)
    array([[2. , 0.2]])
    """
    if np.shape(other) != np.shape(signal):
        raise ValueError(
            f"other must have the shape of signal, {np.shape(signal)}, got {np.shape(other)}"
        )
    ratio = _check_energy("signal", signal) / _check_energy("other", other)
    gain = np.sqrt(ratio * 10 ** (_check_level(level) / 10))
    return np.asarray(signal + gain * np.asarray(other, np.float64), np.float64)


def clip(signal: Audio, *, level: float) -> Float64s:
    """Clip the peaks of a signal.

    Parameters
    ----------
    signal : array of shape (n_channels, n_samples), or any other shape
    level : float
        Clipping level in dB relative to the largest magnitude: 0 or less.

    Returns
    -------
    clipped : array of the same shape, float64

    Raises
    ------
    ValueError
        If the signal is silent or not finite, or the level is positive or below -600 dB.

    Examples
    --------
    >>> import numpy as np
    >>> clip(np.array([[-10.0, 0.5, 4.0]]), level=-20)
    array([[-1. ,  0.5,  1. ]])
    """
    _check_energy("signal", signal)
    if _check_level(level) > 0:
        raise ValueError(f"level must be at most 0 dB, the signal's peak, got {level}")
    double = np.asarray(signal, np.float64)
    limit = np.abs(double).max() * 10 ** (level / 20)
    return np.asarray(double.clip(-limit, limit), np.float64)


def score_degradations(
    references: Mapping[str, Audio],
    *,
    rate: int,
    levels: Sequence[float] = LEVELS,
    metrics: Iterable[AnyMetric] = METRICS,
    rng: np.random.Generator | int = 0,
) -> "DataFrame":
    """Spoil every source in each of the three ways, and score the results.

    The interference is the sum of the other sources. Clipping adds a spectrum of its own, which
    counts as artifacts.

    Parameters
    ----------
    references : mapping from str to array of shape (n_channels, n_samples)
        The true sources by name, two or more; none is silent.
    rate : int
        Sampling rate in Hz.
    levels : sequence of float, optional
        In dB; see `add_noise`, `add_interference` and `clip`.
    metrics : iterable of str, Metric or callable, optional
        As in `oracle.compute_bounds`; the mixture is the sum of the references.
    rng : Generator or int, optional
        Generator of the noise, or its seed.

    Returns
    -------
    scores : DataFrame
        Columns degradation (noise, interference, clipping), level, target, metric, score (in
        dB; for framewise metrics, the median over the windows that are not NaN).

    Raises
    ------
    ValueError
        If there are fewer than two references, one is silent, the others of one cancel out,
        levels are out of range or repeated, or a metric is unknown.
    """
    import pandas as pd

    if len(references) < 2:
        raise ValueError(f"references must be two or more, got {', '.join(references) or 'none'}")
    if len(set(levels)) < len(levels):
        raise ValueError(f"levels must differ, got {', '.join(f'{level:g}' for level in levels)}")
    for name, signal in references.items():
        _check_energy(f"references[{name!r}]", signal)
    rng = np.random.default_rng(rng)
    signals = list(references.values())
    check_pair(signals, signals)
    mixture = add_up(signals)
    scorer = Scorer(references, rate=rate, metrics=metrics, mixture=mixture)

    def add_others(name: str) -> Audio:
        return add_up(audio for other, audio in references.items() if other != name)

    spoil: dict[str, Callable[[str, Audio, float], Audio]] = {
        "noise": lambda name, signal, level: add_noise(signal, level=level, rng=rng),
        "interference": lambda name, signal, level: add_interference(
            signal, add_others(name), level=level
        ),
        "clipping": lambda name, signal, level: clip(signal, level=level),
    }
    rows = [
        (degradation, level, target, metric, score)
        for degradation, level in product(spoil, levels)
        for target, metric, _, _, score in scorer.score(
            {name: spoil[degradation](name, audio, level) for name, audio in references.items()}
        )
    ]
    scores = pd.DataFrame(rows, columns=list(COLUMNS))
    return scores.groupby(list(COLUMNS[:-1]), sort=False).median().reset_index()


def _check_energy(argument: str, signal: Audio) -> float:
    energy = float(np.square(signal, dtype=np.float64).sum())
    if not 0 < energy < np.inf:
        raise ValueError(f"{argument} must be finite and not silent, got an energy of {energy}")
    return energy


def _check_level(level: float) -> float:
    if not abs(level) <= MAX_LEVEL:
        raise ValueError(f"level must lie between -{MAX_LEVEL} and {MAX_LEVEL} dB, got {level}")
    return level
