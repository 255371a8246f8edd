"""Memory: whether there is enough for BSS Eval to fit its filters."""

from oracle.machine.memory import check_fits
from oracle.machine.threads import n_threads
from oracle.metrics.correlations import BLOCK_SAMPLES
from oracle.metrics.piece_correlations import count_at_once
from oracle.metrics.windows import Partition


def check_filters_fit(n_sources: int, n_channels: int, n_lags: int, partition: Partition) -> None:
    """Check that the large arrays of `BSSEval` fit into memory, at their peak.

    Raises
    ------
    MemoryError
        If they do not.
    """
    n_windows, n_pieces = len(partition.windows), len(partition.pieces)
    n_together = n_sources * n_channels
    n_equations = n_together * n_lags
    # Bytes of a number for each pair of channels, and of a piece in all channels.
    pairs = 8 * n_together**2
    longest = max(piece.stop - piece.start for piece in partition.pieces)
    signals = 8 * n_together * (longest + n_lags)
    threads = min(n_threads(), n_pieces)
    n_bytes = (
        # factors of the joint equations, and of those of each source,
        8 * n_equations**2 * (1 + 1 / n_sources)
        # correlations of references and estimates, whole and in windows; a scaled copy;
        # of the pieces at work, and their overhangs,
        + pairs * n_lags * (2 * n_windows + 3 + 2 * min(count_at_once(), n_pieces))
        # autocorrelations of five filters, twice, and the products of one, in `FilteredEnergies`,
        + pairs * n_lags * n_sources * (2 * 5 + 4)
        # in each thread: products of spectra, and their inverse; signals and spectra.
        + pairs * 2 * (BLOCK_SAMPLES + n_lags) * threads
        + signals * 10 * threads
    )
    check_fits(
        "references",
        f"{n_sources} sources x {n_channels} channels x {n_lags} taps = "
        f"{n_equations} equations, and {n_windows} windows",
        n_bytes,
        remedy="evaluate fewer sources or channels at a time, or with fewer taps or windows",
    )
