"""Ideal masks for source separation: upper bounds, exact and fast."""

from importlib.metadata import version

from oracle import (
    datasets,
    degradations,
    masks,
    methods,
    metrics,
    optimal,
    plots,
    residuals,
    results,
    wiener,
)
from oracle.bounds import compute_bounds
from oracle.comparison import Comparison, compare
from oracle.dataset_checks import Check, check
from oracle.estimates import write_estimates
from oracle.methods import separate
from oracle.stft import STFT
from oracle.sweeps import compute_sweep
from oracle.systems import score_system
from oracle.tasks import TracksFailed
from oracle.track import Track
from oracle.waltz_report import WaltzReport

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
    "degradations",
    "masks",
    "methods",
    "metrics",
    "optimal",
    "plots",
    "residuals",
    "results",
    "score_system",
    "separate",
    "wiener",
    "write_estimates",
]
