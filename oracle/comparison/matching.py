"""Matching: the metrics, targets and tracks that several results share."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from oracle.comparison.result_folders import ReadResults

if TYPE_CHECKING:
    from pandas import DataFrame


def select_scores(
    results: Sequence[ReadResults], *, metrics: Sequence[str], targets: Sequence[str] | None
) -> list[ReadResults]:
    """Keep the scores of some metrics, and of all targets or some.

    Raises
    ------
    ValueError
        If a metric or target is in none of the results, or none is named.
    """
    wanted = {"metric": metrics, "target": targets}
    for column, names in wanted.items():
        if names is not None and not names:
            raise ValueError(f"{column}s must name at least one, got none")
        known = list(dict.fromkeys(name for each in results for name in each.list_values(column)))
        for name in known if names is None else names:
            if name not in known:
                raise ValueError(
                    f"{column}s must be among those of the results, {', '.join(known)}, "
                    f"got {name!r}"
                )

    def select_rows(table: "DataFrame") -> "DataFrame":
        for column, names in wanted.items():
            if names is not None:
                table = table[table[column].isin(names)]
        return table

    return [each.change_tables(select_rows) for each in results]


def match_tracks(results: Sequence[ReadResults]) -> list[ReadResults]:
    """Give the same tracks the same name and subset.

    Names are converted to Unicode's NFC, as file systems differ. Results without subsets take
    them from the others; a track that no other results have keeps an empty subset.

    Raises
    ------
    ValueError
        If a track without a subset is in several subsets of the others.
    """
    results = [
        replace(each, scores=each.scores.assign(track=each.scores["track"].map(_compose)))
        for each in results
    ]
    subsets: dict[str, list[str]] = {}
    for subset, track in dict.fromkeys(key for each in results for key in list_tracks(each)):
        if subset:
            subsets.setdefault(track, []).append(subset)

    def add_subsets(each: ReadResults) -> ReadResults:
        unknown = each.scores["subset"] == ""
        if not unknown.any():
            return each
        for track in each.scores.loc[unknown, "track"].unique():
            if len(several := subsets.get(track, [])) > 1:
                raise ValueError(
                    f"results must give the subset of {track!r}, which others have in "
                    f"{' and '.join(several)}, got {each.name} without subsets: put its files "
                    "into folders named after their subsets"
                )
        found = each.scores["track"].map(lambda track: subsets.get(track, [""])[0])
        known = each.scores["subset"].astype("str")
        return replace(each, scores=each.scores.assign(subset=known.mask(unknown, found)))

    return [add_subsets(each) for each in results]


def _compose(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def list_tracks(results: ReadResults) -> Iterator[tuple[str, str]]:
    """List the tracks of results: subset and name."""
    found = results.scores[["subset", "track"]].drop_duplicates()
    return found.itertuples(index=False, name=None)
