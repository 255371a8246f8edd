"""Matching: which methods, targets and tracks of several results are the same."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from oracle.bounds import BOUNDS
from oracle.comparison.result_folders import Results

if TYPE_CHECKING:
    from pandas import DataFrame

LISTED = 3  # names of tracks in a note


def selected(
    results: Sequence[Results], *, metrics: Sequence[str], targets: Sequence[str] | None
) -> list[Results]:
    """Keep the scores of some metrics, and of some targets or all.

    Raises
    ------
    ValueError
        If no results have such a metric or target, or none is named.
    """
    wanted = {"metric": metrics, "target": targets}
    for column, names in wanted.items():
        if names is not None and not names:
            raise ValueError(f"{column}s must name at least one, got none")
        known = list(dict.fromkeys(name for each in results for name in _values(each, column)))
        for name in known if names is None else names:
            if name not in known:
                raise ValueError(
                    f"{column}s must be among those of the results, {', '.join(known)}, "
                    f"got {name!r}"
                )

    def some(table: "DataFrame") -> "DataFrame":
        for column, names in wanted.items():
            if names is not None:
                table = table[table[column].isin(names)]
        return table

    return [
        replace(
            each,
            scores=some(each.scores),
            published=None if each.published is None else some(each.published),
        )
        for each in results
    ]


def labels_of(results: Sequence[Results]) -> list[dict[str, str]]:
    """Choose what to call each method of each results, so that no two are called the same.

    Raises
    ------
    ValueError
        If two are all the same: their results have one name.
    """
    methods = [list(_values(each, "method")) for each in results]
    shared = Counter(name for names in methods for name in names)
    labels = []
    for each, names in zip(results, methods, strict=True):
        if each.is_named and len(names) == 1 and names[0] not in BOUNDS:
            labels.append({names[0]: each.name})
        else:
            in_full = {name for name in names if each.is_named or shared[name] > 1}
            labels.append({n: f"{each.name}: {n}" if n in in_full else n for n in names})
    called = Counter(label for each in labels for label in each.values())
    for label, count in called.items():
        if count > 1:
            raise ValueError(
                f"results must have names that differ, got two methods called {label!r}: "
                "name one with NAME=FOLDER"
            )
    return labels


def _values(results: Results, column: str) -> Iterator[str]:
    table = results.scores if results.published is None else results.published
    return map(str, table[column].unique())


def matched(results: Sequence[Results]) -> list[Results]:
    """Give the same tracks the same name and subset.

    Names are composed (Unicode's NFC: file systems differ there). Where results do not tell
    subsets, they are those that the others have the tracks in, and stay empty if none has.

    Raises
    ------
    ValueError
        If others have a track in several subsets.
    """
    results = [
        replace(each, scores=each.scores.assign(track=each.scores["track"].map(_composed)))
        for each in results
    ]
    subsets: dict[str, list[str]] = {}
    for subset, track in dict.fromkeys(key for each in results for key in _tracks(each)):
        if subset:
            subsets.setdefault(track, []).append(subset)

    def with_subsets(each: Results) -> Results:
        unknown = each.scores["subset"] == ""
        if not unknown.any():
            return each
        for track in each.scores.loc[unknown, "track"].unique():
            if len(several := subsets.get(track, [])) > 1:
                raise ValueError(
                    f"results must tell the subset of {track!r}, which others have in "
                    f"{' and '.join(several)}, got {each.name} without subsets"
                )
        found = each.scores["track"].map(lambda track: subsets.get(track, [""])[0])
        known = each.scores["subset"].astype("str")
        return replace(each, scores=each.scores.assign(subset=known.mask(unknown, found)))

    return [with_subsets(each) for each in results]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _tracks(results: Results) -> Iterator[tuple[str, str]]:
    found = results.scores[["subset", "track"]].drop_duplicates()
    return found.itertuples(index=False, name=None)


def missing_tracks(results: Sequence[Results], metrics: Sequence[str]) -> Iterator[str]:
    """Say which of the tracks of all `matched` results each does not have."""
    tracks = [(each.name, set(_tracks(each))) for each in results if each.published is None]
    known = dict.fromkeys(key for each in results for key in _tracks(each))
    for name, own in tracks:
        missing = [track for subset, track in known if (subset, track) not in own]
        if not own:
            yield f"{name}: no {' or '.join(metrics)} of these targets in it"
        elif missing:
            some = ", ".join(missing[:LISTED]) + (", ..." if len(missing) > LISTED else "")
            yield f"{name}: {len(missing)} of all {len(known)} tracks have no score in it: {some}"


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
