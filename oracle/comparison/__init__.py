"""Results side by side, from runs, museval's files and published tables, and their distances."""

from oracle.comparison.side_by_side import Comparison, compare

__all__ = ["Comparison", "compare"]
