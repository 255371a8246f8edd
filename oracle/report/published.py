"""The published waltz report: its track, scores and norms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oracle import datasets
from oracle.tracks.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

WALTZ = "Clara Berry And Wooldog - Waltz For My Victims"

# As published: scores in dB. SD-SDR was computed as SNR + log10(alpha^2).
SCORES = ("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR", "SNR", "SRR")
PUBLISHED_SCORES = {
    "drums": (6.059788, 12.621812, 7.142728, 6.823634, 6.970171, 14.714377),
    "bass": (6.810572, 12.789123, 8.074067, 7.477198, 7.624050, 14.694119),
    "other": (9.564220, 13.848223, 11.590896, 9.928236, 10.019616, 19.098387),
    "vocals": (8.368302, 14.999946, 9.431727, 8.844583, 8.942912, 18.426378),
}
MISCOMPUTED = "SD-SDR as published"

# As published: the mean square ("MSE") and the mean ("l1") of the squared magnitude residuals.
NORMS = ("MSE", "l1")
PUBLISHED_NORMS = {
    "drums": (0.5322632539636895, 0.0059182979713163905),
    "bass": (1.4550852278186694, 0.021212134586395287),
    "other": (21.749803841009515, 0.06929522844168201),
    "vocals": (5.187617823185366, 0.03445190099871528),
}

# The shortest and longest that the published excerpt may be, in seconds; the song is longer.
EXCERPT = (6.5, 7.5)


def load_published_track(root: str | Path | None = None, *, download: bool = False) -> Track:
    """Load the track of the published report from MUSDB18's preview, decoded by musdb.

    Parameters
    ----------
    root, download
        As in `oracle.datasets.musdb18`. In the full MUSDB18 the track is the whole song,
        which has other scores.

    Returns
    -------
    track : Track
        In stereo.

    Raises
    ------
    ValueError
        If the dataset does not hold the track.
    FileNotFoundError, ImportError
        As in `oracle.datasets.musdb18`.
    """
    preview = datasets.musdb18(root, download=download)
    if WALTZ not in preview.track_names:
        raise ValueError(
            f"root must hold {WALTZ!r}, got {len(preview)} other tracks, the first "
            f"{preview.track_names[0]!r}: use MUSDB18's preview"
        )
    return preview[preview.track_names.index(WALTZ)]


def tabulate(figures: Mapping[str, tuple[float, ...]], columns: Sequence[str]) -> "DataFrame":
    """Make a table of published figures, such as `PUBLISHED_SCORES`: a row per source."""
    import pandas as pd

    index = pd.Index(list(figures), name="source")
    return pd.DataFrame(list(figures.values()), index=index, columns=list(columns))
