"""Names of metrics, by what they need."""

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
