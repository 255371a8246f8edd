"""Names of metrics, by what they need."""

from typing import Literal

# museval's metrics, with a value per window, and their variants with regularized filters.
MUSEVAL = ("SDR", "ISR", "SIR", "SAR")
REGULARIZED = ("ISR-reg", "SIR-reg", "SAR-reg")
FRAMEWISE = MUSEVAL + REGULARIZED
SCALE_INVARIANT = ("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR", "SNR", "SRR")
GLOBAL = ("uSDR", *SCALE_INVARIANT)

# The metrics computed by default, and all that are added up while a track is read.
METRICS = MUSEVAL + GLOBAL
ALL_METRICS = FRAMEWISE + GLOBAL

# Ratios of energies in dB: above 100 dB they are infinite but for rounding.
ENERGY_RATIOS = (*ALL_METRICS, "SDR-v3")

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
    "SDRi",
    "uSDRi",
    "SI-SDRi",
    "SD-SDRi",
    "SNRi",
    "SDR-v3",
    "SDR-v3i",
    "PESQ-NB",
    "PESQ-WB",
    "STOI",
    "ESTOI",
    "logWMSE",
    "bleedless",
    "fullness",
    "L1-freq",
    "AuraSTFT",
    "AuraMRSTFT",
    "AuraSTFT-swapped",
    "AuraMRSTFT-swapped",
    "2f",
]
