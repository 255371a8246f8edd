"""Report: what a mask leaves behind, and what metrics make of it."""

from oracle.report import degradations
from oracle.report.waltz_report import WaltzReport

__all__ = ["WaltzReport", "degradations"]
