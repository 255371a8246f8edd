"""Notes: what a reader must know of the results that are compared."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from oracle.comparison.labels import stfts_of, window_of
from oracle.comparison.matching import tracks_in
from oracle.comparison.result_folders import Results
from oracle.stft import STFT

if TYPE_CHECKING:
    from pandas import DataFrame

LISTED = 3  # names in a note


def some_of(names: Sequence[str]) -> str:
    """List names, or the first of many."""
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def stft_notes(results: Sequence[Results]) -> Iterator[str]:
    """Say which results have bounds of which STFT."""
    by_stfts: dict[tuple[STFT, ...], list[str]] = {}
    for each in results:
        by_stfts.setdefault(tuple(stfts_of([each])), []).append(each.name)
    for stfts, names in by_stfts.items():
        if len(stfts) == 1:
            (stft,) = stfts
            made_at = f"{window_of(stft)} window of {stft.n_fft} samples, hop {stft.hop_length}"
            yield f"{', '.join(names)}: bounds at this STFT: {made_at}"
        elif stfts:
            yield (
                f"{', '.join(names)}: bounds at {len(stfts)} STFTs, in brackets: "
                "window, its length and hop in samples"
            )


def origin_notes(results: Sequence[Results], labels: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Say what is published, and that SiSEC 2018's files call another filter MWF."""
    for each in results:
        if each.published is not None:
            yield f"{each.name}: {each.published.remark}"
    of_sisec = [
        label
        for each, names in zip(results, labels, strict=True)
        for called, label in names.items()
        if each.method(called).name == "MWF-SISEC18"
    ]
    for each, names in zip(results, labels, strict=True):
        if "MWF" in each.foreign:
            same = f"; of the same tracks it has the figures of {' and '.join(of_sisec)}"
            yield (
                f"{names['MWF']}: if its files are SiSEC 2018's, it is the filter called "
                f"MWF-SISEC18 here, not this package's MWF{same if of_sisec else ''}"
            )


def missing_tracks(results: Sequence[Results], metrics: Sequence[str]) -> Iterator[str]:
    """Say which of the tracks of all `matched` results each does not have."""
    tracks = [(each.name, set(tracks_in(each))) for each in results if each.published is None]
    known = dict.fromkeys(key for each in results for key in tracks_in(each))
    for name, own in tracks:
        missing = [track for subset, track in known if (subset, track) not in own]
        if not own:
            yield f"{name}: no {' or '.join(metrics)} of these targets in it"
        elif missing:
            yield f"{name}: no score of {len(missing)} of {len(known)} tracks: {some_of(missing)}"


def unequal_windows(names: Sequence[str], summaries: Sequence["DataFrame"]) -> Iterator[str]:
    """Say in which results tracks of one name have different numbers of windows.

    `summaries` are what `oracle.results.over_windows` makes of `matched` results.
    """
    counts = [each.groupby(["metric", "subset", "track"])["n_windows"].max() for each in summaries]
    for (one, of_one), (two, of_two) in combinations(zip(names, counts, strict=True), 2):
        both = of_one.to_frame("one").join(of_two.to_frame("two"), how="inner")
        tracks = both[both["one"] != both["two"]].groupby(["subset", "track"]).first()
        if not tracks.empty:
            first = tracks.iloc[0]
            yield (
                f"{one} and {two}: {len(tracks)} tracks of one name are not of one length, and "
                f"differences are not of the same audio: {tracks.index[0][1]} has {first['one']} "
                f"and {first['two']} windows"
            )
