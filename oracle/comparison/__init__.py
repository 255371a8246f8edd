"""Results side by side: runs, museval's files, published tables; their distances to bounds."""

from oracle.comparison.side_by_side import Comparison, compare

__all__ = ["Comparison", "compare"]
