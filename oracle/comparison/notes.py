"""Notes: what readers must know about the compared results."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from oracle.comparison.labels import list_stfts, name_window
from oracle.comparison.matching import list_tracks
from oracle.comparison.result_folders import ReadResults
from oracle.optimal.named import CLASSES, NamedClass
from oracle.stft import STFT
from oracle.tracks.track import ACCOMPANIMENT, VOCALS

if TYPE_CHECKING:
    from pandas import DataFrame, Series

LISTED = 3  # names in a note


def list_some(names: Sequence[str]) -> str:
    """List names, or only the first if there are many."""
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def note_stfts(results: Sequence[ReadResults]) -> Iterator[str]:
    """Say which STFT the bounds of each of the results use."""
    by_stfts: dict[tuple[STFT, ...], list[str]] = {}
    for each in results:
        by_stfts.setdefault(tuple(list_stfts([each])), []).append(each.name)
    for stfts, names in by_stfts.items():
        if len(stfts) == 1:
            (stft,) = stfts
            made_at = f"{name_window(stft)} window of {stft.n_fft} samples, hop {stft.hop_length}"
            yield f"{', '.join(names)}: bounds with a {made_at}"
        elif stfts:
            yield (
                f"{', '.join(names)}: bounds with {len(stfts)} STFTs, in brackets: "
                "window, its length and hop in samples"
            )


def note_two_sources(results: Sequence[ReadResults]) -> Iterator[str]:
    """Say which bounds are of vocals and accompaniment as two sources."""
    pairs = [
        each.name
        for each in results
        if {*each.list_values("target")} == {VOCALS, ACCOMPANIMENT}
        and any(each.find_method(called).is_bound for called in each.called)
    ]
    if pairs:
        yield (
            f"{', '.join(pairs)}: bounds from two sources, vocals and accompaniment; those from "
            "more sources are not the same"
        )


def note_classes(masks: NamedClass, methods: Collection[str]) -> Iterator[str]:
    """Say which other classes of masks have bounds, to which no distance goes."""
    others = [
        each.name
        for each in CLASSES.values()
        if each != masks and {each.method, each.ceiling} & set(methods)
    ]
    if others:
        yield (
            f"Distances go to the bounds of the class {masks.name}; there are also bounds of "
            f"{', '.join(others)}, for systems that predict such masks (--class)"
        )


def note_origins(
    results: Sequence[ReadResults], labels: Sequence[Mapping[str, str]]
) -> Iterator[str]:
    """Say which results are published, and that SiSEC 2018's files call another filter MWF."""
    for each in results:
        if each.published is not None:
            yield f"{each.name}: {each.published.remark}"
    of_sisec = [
        label
        for each, names in zip(results, labels, strict=True)
        for called, label in names.items()
        if each.find_method(called).name == "MWF-SISEC18"
    ]
    for each, names in zip(results, labels, strict=True):
        if "MWF" in each.foreign:
            same = f"; on the same tracks its scores are those of {' and '.join(of_sisec)}"
            yield (
                f"{names['MWF']}: if its files are from SiSEC 2018, it is the filter called "
                f"MWF-SISEC18 here, not this package's MWF{same if of_sisec else ''}"
            )


def note_other_metrics(results: Sequence[ReadResults], metrics: Sequence[str]) -> Iterator[str]:
    """Say which metrics of one's own are not the same function in all results."""
    for metric in metrics:
        prints = {e.name: e.own_metrics[metric] for e in results if metric in e.own_metrics}
        if len(set(prints.values())) > 1:
            yield (
                f"{metric} is not the same function in {' and '.join(prints)}: its scores may not "
                "be comparable"
            )


def note_missing_tracks(results: Sequence[ReadResults], metrics: Sequence[str]) -> Iterator[str]:
    """Say which tracks of the others each of the results lacks.

    Only others that share a track with it count. Results that share none have no differences,
    which `left_out` explains.
    """
    nothing = f"no {' or '.join(metrics)} of these targets"
    for each in results:
        if each.published is not None and each.published.table.empty:
            yield f"{each.name}: {nothing}"
    tracks = [(e.name, dict.fromkeys(list_tracks(e))) for e in results if e.published is None]
    for name, own in tracks:
        if not own:
            yield f"{name}: {nothing}"
            continue
        shared = (others for _, others in tracks if not own.keys().isdisjoint(others))
        known = dict.fromkeys(key for others in shared for key in others)
        missing = [track for subset, track in known if (subset, track) not in own]
        if missing:
            lacking = f"{len(missing)} of {len(known)} tracks"
            yield f"{name}: no score for {lacking}: {list_some(missing)}"


def note_unequal_windows(names: Sequence[str], summaries: Sequence["DataFrame"]) -> Iterator[str]:
    """Say where a track has different numbers of windows, within results or between two.

    `summaries` are results with matched tracks after `oracle.results.tables.over_windows`.
    """
    keys = ["metric", "subset", "track"]
    longest = []
    for each in summaries:
        by_method = each.groupby([*keys, "method"])["n_windows"].max()
        of_track = by_method.reset_index("method").groupby(keys)
        counts = of_track["n_windows"].agg(["max", "min"])
        unequal = counts[counts["max"] != counts["min"]]
        if not unequal.empty:
            rows = by_method[unequal.index[0]]
            yield _describe_unequal(unequal["max"], rows.idxmax(), unequal["min"], rows.idxmin())
        longest.append(counts["max"])
    for (one, of_one), (two, of_two) in combinations(zip(names, longest, strict=True), 2):
        both = of_one.to_frame("one").join(of_two.to_frame("two"), how="inner")
        both = both[both["one"] != both["two"]]
        if not both.empty:
            yield _describe_unequal(both["one"], one, both["two"], two)


def _describe_unequal(of_one: "Series", one: str, of_two: "Series", two: str) -> str:
    tracks = list(dict.fromkeys((subset, track) for _, subset, track in of_one.index))
    others = f", and likewise {len(tracks) - 1} more" if len(tracks) > 1 else ""
    return (
        f"{tracks[0][1]} has {of_one.iloc[0]} windows in {one} and {of_two.iloc[0]} in {two}"
        f"{others}: the methods were not scored on the same audio"
    )
