"""Names of metrics, by what they need."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

# museval's metrics, with a value per window, and their variants with regularized filters.
MUSEVAL = ("SDR", "ISR", "SIR", "SAR")
REGULARIZED = ("ISR-reg", "SIR-reg", "SAR-reg")
FRAMEWISE = MUSEVAL + REGULARIZED
SCALE_INVARIANT = ("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR", "SNR", "SRR")
GLOBAL = ("uSDR", *SCALE_INVARIANT)

# The metrics computed by default.
METRICS = MUSEVAL + GLOBAL
ALL_METRICS = FRAMEWISE + GLOBAL

# All metrics, for editors to complete.
MetricName = Literal[
    "SDR",
    "ISR",
    "SIR",
    "SAR",
    "ISR-reg",
    "SIR-reg",
    "SAR-reg",
    "uSDR",
    "SI-SDR",
    "SI-SIR",
    "SI-SAR",
    "SD-SDR",
    "SNR",
    "SRR",
]


def find_metrics(metrics: Sequence[str]) -> list[str]:
    """Check names of metrics, and list them.

    Raises
    ------
    TypeError
        If `metrics` is one string.
    ValueError
        If no metric is named, one is unknown, or one is named twice.
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics must be several names, got the one string {metrics!r}")
    names = list(metrics)
    unknown = [str(name) for name in names if name not in ALL_METRICS]
    if not names or len(set(names)) < len(names) or unknown:
        near = get_close_matches(unknown[0].upper(), ALL_METRICS, n=1) if unknown else []
        raise ValueError(
            f"metrics must be some of {', '.join(ALL_METRICS)}, once each, "
            f"got {', '.join(unknown or map(str, names)) or 'none'}"
            + (f" (did you mean {near[0]}?)" if near else "")
        )
    return names
