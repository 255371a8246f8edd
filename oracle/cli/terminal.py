"""What several commands print in a terminal."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oracle import TracksFailed
from oracle.displays.pages import print_page
from oracle.results.layouts import lay_out
from oracle.results.results import Results
from oracle.tracks.rest import InputWarning


def show_results(
    compute: Callable[[], Results],
    out: Path | None,
    metrics: Sequence[str] | None = None,
    *,
    write_first: Callable[[Results], None] = lambda results: None,
) -> None:
    """Compute results and print them, even if tracks failed.

    Parameters
    ----------
    compute : callable
        ``() -> results``.
    out : Path or None
        Folder that they are written to.
    metrics : sequence of str, optional
        Metrics that were asked for.
    write_first : callable, optional
        ``(results)``: writes files before tables are printed, as a pager may close the pipe.
    """
    failed: TracksFailed | None = None
    results: Results | None
    try:
        with explain_resuming(out), warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)  # its notes are printed below
            results = compute()
    except TracksFailed as error:
        failed, results = error, error.results
    if results is not None:
        write_first(results)
        print_page(lay_out(results, metrics))
    if out is not None:
        print(f"Written to {out}")
    if failed is not None:
        raise failed


@contextmanager
def explain_resuming(out: Path | None) -> Iterator[None]:
    """Tell how to resume a run that is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if out is not None:
            what = f"finished tracks are in {out}; run the same command to resume"
            print(f"oracle: {what}", file=sys.stderr)
        raise
