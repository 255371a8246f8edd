"""What is left out: pairs of methods without a difference, and why."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from oracle.comparison.differences import have_same_size
from oracle.comparison.notes import list_some
from oracle.comparison.result_folders import ReadResults
from oracle.results.statistics import Sample

if TYPE_CHECKING:
    from pandas import DataFrame

Tracks = frozenset[tuple[str, str]]  # subset and name
Key = tuple[str, str, str]  # method, target and metric


def explain_missing(
    left_out: "DataFrame", results: Sequence[ReadResults], scores: "DataFrame", tracks: "DataFrame"
) -> Iterator[str]:
    """Say why differences are missing: one sentence for all pairs with the same reason.

    Parameters
    ----------
    left_out : DataFrame
        Columns method, other, target and metric.
    results : sequence of ReadResults
        All results, with methods named by their labels.
    scores, tracks : DataFrame
        As in `oracle.comparison.differences.compute_differences`.
    """
    if left_out.empty:
        return
    owner = {label: each for each in results for label in each.called}
    tracks_by_label: dict[str, Tracks] = {
        str(label): frozenset(table.itertuples(index=False, name=None))
        for label, table in tracks.groupby("method", sort=False)[["subset", "track"]]
    }
    by_key = scores.set_index(["method", "target", "metric"])[["n_tracks", "n_windows"]]
    numbers = by_key.to_numpy(np.float64, na_value=np.nan)
    sizes = dict(zip(by_key.index, numbers, strict=True))

    def choose_name(label: str) -> str:
        """Name the results, unless their methods have different tracks."""
        own = owner[label]
        return own.name if len({tracks_by_label.get(other) for other in own.called}) == 1 else label

    said: dict[frozenset[str], str] = {}  # each pair once, in either order
    silent: list[tuple[Key, Key]] = []
    keys = ["method", "other", "target", "metric"]
    for one, two, *key in left_out[keys].itertuples(index=False, name=None):
        if owner[one].published:
            one, two = two, one
        names = choose_name(one), choose_name(two)
        if frozenset(names) in said:
            continue
        reason = None
        published = owner[two].published
        if published and (other := owner[one].published):
            if published.coverage != other.coverage:
                reason = _explain_other_data(names, other.data, published.data)
        elif published and published.tracks:
            own = sorted(name for _, name in tracks_by_label[one])
            both = sizes[one, *key], sizes[two, *key]
            reason = _explain_other_tracks(names, own, published.tracks, key[0], both)
        elif published:
            dataset = owner[one].dataset
            if dataset and dataset != published.dataset:
                reason = _explain_other_data(names, dataset, published.data)
            else:
                reason = _explain_other_scores(names, published.statistic)
        elif tracks_by_label[one].isdisjoint(tracks_by_label[two]):
            reason = _explain_no_track(names, tracks_by_label[one], tracks_by_label[two])
        if reason is None:
            silent.append(((one, *key), (two, *key)))
        else:
            said[frozenset(names)] = reason
    yield from said.values()
    finite = tracks.loc[np.isfinite(tracks["score"]), ["method", "target", "metric"]]
    heard = set(finite.itertuples(index=False, name=None))
    yield from _explain_no_score(silent, heard | {key for key in sizes if owner[key[0]].published})


def _explain_other_tracks(
    names: tuple[str, str],
    own: Sequence[str],
    published: frozenset[str],
    target: str,
    sizes: tuple[Sample, Sample],
) -> str | None:
    mine, theirs = names
    missing = sorted(published.difference(own))
    others = [name for name in own if name not in published]
    if len(missing) == len(published):
        reason = f"{mine} has none of the {len(published)} tracks of {theirs}, but {list_some(own)}"
    elif missing:
        which = f"{len(missing)} of the {len(published)} tracks of {theirs}"
        reason = f"{mine} lacks {which}: {list_some(missing)}"
    elif others:
        reason = f"{mine} has {len(others)} more: {list_some(others)}"
    elif not have_same_size(*sizes):
        counts = [f"{size[-1]:.0f}" for size in sizes]
        reason = f"{mine} has {counts[0]} windows of {target}, {theirs} {counts[1]}"
    else:
        return None
    return f"{mine} and {theirs} cover different tracks, so nothing is subtracted: {reason}"


def _explain_other_data(names: tuple[str, str], one: str, two: str) -> str:
    return (
        f"{names[0]} and {names[1]} cover different tracks, so nothing is subtracted: "
        f"{names[0]} is of {one}, {names[1]} of {two}"
    )


def _explain_other_scores(names: tuple[str, str], statistic: str) -> str:
    return (
        f"{names[0]} and {names[1]} are not known to be scored alike, on the same tracks, so "
        f"nothing is subtracted: {names[1]} has {statistic}, and does not name its tracks"
    )


def _explain_no_track(names: tuple[str, str], one: Tracks, two: Tracks) -> str:
    """Quote the two most similar names: often one song, spelled differently."""
    first = min(one)
    by_form = {track.casefold(): (subset, track) for subset, track in sorted(two)}
    (form,) = get_close_matches(first[1].casefold(), by_form, n=1, cutoff=0)
    pair = first, by_form[form]
    if first[1] == by_form[form][1]:  # in different subsets
        shown = ["/".join(track) for track in pair]
    else:
        shown = [track for _, track in pair]
    return (
        f"{names[0]} and {names[1]} have no track in common, so nothing is subtracted: "
        f"{shown[0]!r} in {names[0]}, {shown[1]!r} in {names[1]}"
    )


def _explain_no_score(pairs: Sequence[tuple[Key, Key]], heard: Collection[Key]) -> Iterator[str]:
    """Say which methods have no score to subtract, in one sentence if the reason is the same."""
    targets_by_who: dict[str, dict[str, list[str]]] = {}
    for one, two in pairs:
        _, target, metric = one
        deaf = next((key[0] for key in (two, one) if key not in heard), None)
        who = f"{one[0]} and {two[0]} together" if deaf is None else deaf
        targets = targets_by_who.setdefault(who, {}).setdefault(metric, [])
        if target not in targets:
            targets.append(target)
    who_by_what: dict[str, list[str]] = {}
    for who, by_metric in targets_by_who.items():
        what = " and ".join(f"{metric} of {', '.join(t)}" for metric, t in by_metric.items())
        who_by_what.setdefault(what, []).append(who)
    for what, whos in who_by_what.items():
        yield f"{list_some(whos)}: no track with a finite {what}, so nothing is subtracted"
