"""Ideal masks for source separation: upper bounds, exact and fast."""

from importlib.metadata import version

from oracle import (
    datasets,
    masks,
    methods,
    metrics,
    optimal,
    plots,
    report,
    residuals,
    results,
    wiener,
)
from oracle.comparison import Comparison, compare
from oracle.jobs.bounds import compute_bounds
from oracle.jobs.checks import Check, check
from oracle.jobs.estimates import write_estimates
from oracle.jobs.sweeps import compute_sweep
from oracle.jobs.system_scores import score_system
from oracle.methods import separate
from oracle.report.waltz import WaltzReport
from oracle.runs.queue import TracksFailed
from oracle.stft import STFT
from oracle.tracks.track import Track

__version__ = version("oracle-masks")

__all__ = [
    "STFT",
    "Check",
    "Comparison",
    "Track",
    "TracksFailed",
    "WaltzReport",
    "check",
    "compare",
    "compute_bounds",
    "compute_sweep",
    "datasets",
    "masks",
    "methods",
    "metrics",
    "optimal",
    "plots",
    "report",
    "residuals",
    "results",
    "score_system",
    "separate",
    "wiener",
    "write_estimates",
]
