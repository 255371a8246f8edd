"""The metrics that papers and communities publish beside museval's, each with a note."""

from oracle.metrics.aura import Aura
from oracle.metrics.bleedless import RATE as RATE_OF_BANDS
from oracle.metrics.bleedless import compute_bleedless, compute_fullness
from oracle.metrics.energy_ratios import Float64s, usdr
from oracle.metrics.improvements import (
    Improvement,
    compute_sd_sdr,
    compute_sdr,
    compute_si_sdr,
)
from oracle.metrics.l1_freq import compute_l1_freq
from oracle.metrics.log_wmse import RATE as RATE_OF_WEIGHTING
from oracle.metrics.log_wmse import compute_log_wmse
from oracle.metrics.metric import Metric
from oracle.metrics.needs import Needs
from oracle.metrics.perceptual import compute_2f
from oracle.metrics.sdr_v3 import compute_sdr_v3
from oracle.metrics.speech import PESQ, STOI
from oracle.tracks.track import Audio


def _score_sdr_v3(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
    return compute_sdr_v3(references, estimates)


_NARROW = Needs(rates=(8000, 16000), mono=True, package="pesq", extra="speech")
_STOI = Needs(mono=True, package="pystoi", extra="speech")
_BANDS = Needs(rates=(RATE_OF_BANDS,))
_SINGLE, _SEVERAL = (1024,), (1024, 2048, 4096)

_NOTED = [
    (
        Metric("SDRi", Improvement(compute_sdr), "dB", windows=True),
        "museval's SDR, less that of the mixture",
    ),
    (Metric("uSDRi", Improvement(usdr), "dB"), "uSDR, less that of the mixture"),
    (Metric("SI-SDRi", Improvement(compute_si_sdr), "dB"), "SI-SDR, less that of the mixture"),
    (Metric("SD-SDRi", Improvement(compute_sd_sdr), "dB"), "SD-SDR, less that of the mixture"),
    (Metric("SNRi", Improvement(usdr), "dB"), "SNR, less that of the mixture"),
    (Metric("SDR-v3", _score_sdr_v3, "dB"), "the SDR of BSS Eval v3, sources, of whole signals"),
    (Metric("SDR-v3i", Improvement(compute_sdr_v3), "dB"), "SDR-v3, less that of the mixture"),
    (
        Metric("PESQ-NB", PESQ("nb"), needs=_NARROW),
        "PESQ, narrow band (MOS-LQO of P.862.1)",
    ),
    (
        Metric("PESQ-WB", PESQ("wb"), needs=_NARROW._replace(rates=(16000,))),
        "PESQ, wide band (MOS-LQO of P.862.2)",
    ),
    (Metric("STOI", STOI(extended=False), needs=_STOI), "intelligibility, about 0 to 1"),
    (Metric("ESTOI", STOI(extended=True), needs=_STOI), "extended STOI, about 0 to 1"),
    (
        Metric("logWMSE", compute_log_wmse, needs=Needs(rates=(RATE_OF_WEIGHTING,))),
        "audible error relative to the mixture, up to 73.7, for silent sources too",
    ),
    (
        Metric("bleedless", compute_bleedless, needs=_BANDS),
        "of 100, less for mel bands that are too loud",
    ),
    (
        Metric("fullness", compute_fullness, needs=_BANDS),
        "of 100, less for mel bands that are too quiet",
    ),
    (Metric("L1-freq", compute_l1_freq), "of 100, less for errors of magnitudes"),
    (Metric("AuraSTFT", Aura(_SINGLE)), "of 100, less for errors of magnitudes, also in dB"),
    (
        Metric("AuraMRSTFT", Aura(_SEVERAL, weighted=True), needs=_BANDS),
        "AuraSTFT of A-weighted mel bands at three resolutions",
    ),
    (
        Metric("AuraSTFT-swapped", Aura(_SINGLE, swapped=True)),
        "AuraSTFT as the community's code has it: relative to the estimate",
    ),
    (
        Metric("AuraMRSTFT-swapped", Aura(_SEVERAL, weighted=True, swapped=True), needs=_BANDS),
        "AuraMRSTFT as the community's code has it: relative to the estimate",
    ),
    (
        Metric("2f", compute_2f, needs=Needs(package="seabass", extra="perceptual")),
        "the 2f-model of a listening test, 0 to 100, at 48 kHz",
    ),
]

PUBLISHED = {metric.name: metric for metric, _ in _NOTED}

# What each is, for notes under tables.
NOTES = {metric.name: note for metric, note in _NOTED}
