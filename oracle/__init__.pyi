from . import datasets, masks, methods, metrics, optimal, plots, report, residuals, results, wiener
from .comparison.side_by_side import Comparison, compare
from .jobs.array_scores import score
from .jobs.bounds import compute_bounds
from .jobs.check_findings import Check
from .jobs.checks import check
from .jobs.estimates import write_estimates
from .jobs.sweeps import compute_sweep
from .jobs.system_scores import score_system
from .methods import separate
from .report.waltz_report import WaltzReport
from .results.results import Results, TracksFailed
from .stft import STFT
from .tracks.track import Track

__all__ = [
    "STFT",
    "Check",
    "Comparison",
    "Results",
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
    "score",
    "score_system",
    "separate",
    "wiener",
    "write_estimates",
]

__version__: str
