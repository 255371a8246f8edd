"""A metric: a named function of references and estimates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.machine.callables import compute_fingerprint, reduce_with_code
from oracle.metrics.energy_ratios import Float64s
from oracle.metrics.needs import NOTHING, Needs
from oracle.tracks.track import Audio


@dataclass(frozen=True)
class Metric:
    """A named function of references and estimates: a number per target.

    Parameters
    ----------
    name : str
        What tables and files call it.
    function : callable, optional
        ``(references, estimates, mixture, rate) -> values``: from arrays of shape (n_targets,
        n_channels, n_samples) and (n_channels, n_samples), and the rate in Hz, to n_targets real
        numbers. NaN says that a target has no value. It is called with all sources that are
        estimated; then, where there are vocals, with vocals and accompaniment. The energy ratios of
        `oracle.metrics.names.ALL_METRICS` have none: they are added up while a track is read.
    unit : str, optional
        The unit of the values, for tables; empty if they have none.
    windows : bool, optional
        Whether the function is called with windows of 1 s, as museval's metrics are. Otherwise it
        is called with the whole track.
    lower_is_better : bool, optional
        Whether a lower value is better.
    needs : Needs, optional
        The rates that it is defined for, whether only for mono, and a package that it imports.

    Raises
    ------
    TypeError
        If the function is not callable.
    ValueError
        If the name is empty.

    Examples
    --------
    >>> import numpy as np
    >>> import oracle
    >>> def peak_error(references, estimates, mixture, rate):
    ...     return 20 * np.log10(np.abs(estimates - references).max(axis=(1, 2)))
    >>> peak = oracle.metrics.Metric("PEAK", peak_error, unit="dB", lower_is_better=True)
    >>> track = oracle.datasets.waltz().beginning(2)
    >>> results = oracle.compute_bounds(track, methods=["IRM2"], metrics=["uSDR", peak])
    >>> results.table["metric"].unique().tolist()
    ['uSDR', 'PEAK']
    """

    name: str
    function: Callable[..., Any] | None = None
    unit: str = ""
    windows: bool = False
    lower_is_better: bool = False
    needs: Needs = NOTHING

    def __post_init__(self) -> None:
        if self.function is not None and not callable(self.function):
            raise TypeError(
                "function must be callable, (references, estimates, mixture, rate) -> values, got "
                f"{self.function!r}"
            )
        for argument, kind in (("unit", str), ("windows", bool), ("lower_is_better", bool)):
            value = getattr(self, argument)
            if not isinstance(value, kind):
                raise TypeError(f"{argument} must be a {kind.__name__}, got {value!r}")
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"name must be what tables call the metric, got {self.name!r}")

    def compute(self, references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
        """Call the function, and check what it returns.

        Returns
        -------
        values : array of shape (n_targets,), float64

        Raises
        ------
        ValueError
            If the function fails, or returns anything but a real number per target, or if the
            metric is not defined for such audio.
        """
        assert self.function is not None
        self.needs.check_audio(self.name, rate=rate, n_channels=references.shape[1])
        try:
            values = np.asarray(self.function(references, estimates, mixture, rate))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"the metric {self.name} failed: {reason}") from error
        if values.shape != (len(references),) or values.dtype.kind not in "fiub":
            raise ValueError(
                f"the metric {self.name} must return a real number per target, shape "
                f"({len(references)},), got {values.dtype} of shape {values.shape}"
            )
        return values.astype(np.float64)

    @property
    def title(self) -> str:
        """Its name and unit, for titles of tables."""
        return f"{self.name} in {self.unit}" if self.unit else self.name

    @property
    def label(self) -> str:
        """Its name and unit, for labels of rows and axes."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def format(self, value: float) -> str:
        """Write a value as in tables: decibels with two decimals, others with three digits."""
        return f"{value:.2f}" if self.unit == "dB" else f"{value:#.3g}".rstrip(".")

    @property
    def settings(self) -> dict[str, Any]:
        """What ``run.json`` says of a metric of your own."""
        assert self.function is not None
        return {
            "unit": self.unit,
            "windows": self.windows,
            "lower_is_better": self.lower_is_better,
            "fingerprint": compute_fingerprint(self.function, {}),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        state = (
            self.name,
            self.function,
            self.unit,
            self.windows,
            self.lower_is_better,
            self.needs,
        )
        return reduce_with_code(Metric, state)
