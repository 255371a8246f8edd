"""Additions: what a run adds to the scores of a folder, and what is left to do of a track."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from oracle.results.tables import Row

Settings = Mapping[str, Any]

# A method, as scores.csv calls it, and a metric.
Cell = tuple[str, str]

SHOWN = 8  # names in a message


class Part(NamedTuple):
    """Some scores of a track: those of all of these methods in all of these metrics."""

    methods: Sequence[str]  # as scores.csv calls them
    metrics: Sequence[str]


def list_cells(parts: Iterable[Sequence[Sequence[str]]]) -> set[Cell]:
    """List the methods and metrics of parts, one by one."""
    return {
        (method, metric) for methods, metrics in parts for method in methods for metric in metrics
    }


def list_parts(
    methods: Iterable[str], metrics: Iterable[str], cells: Collection[Cell]
) -> list[Part]:
    """Put cells together to parts, in the order of methods and metrics."""
    several = list(metrics)
    together: dict[tuple[str, ...], list[str]] = {}
    for method in methods:
        found = tuple(metric for metric in several if (method, metric) in cells)
        if found:
            together.setdefault(found, []).append(method)
    return [Part(names, found) for found, names in together.items()]


def sort_rows(rows: Iterable[Row], methods: Iterable[str], metrics: Iterable[str]) -> list[Row]:
    """Put the scores of a track, from several runs, in the order of a single run."""
    several = list(rows)
    # Targets have the same order in all runs.
    order = [
        {name: place for place, name in enumerate(dict.fromkeys(names))}
        for names in (methods, (row[3] for row in several), metrics)
    ]
    return sorted(several, key=lambda row: [order[k][row[2 + k]] for k in range(3)])


def _name_methods(settings: Settings) -> dict[str, str]:
    return {name: name for name in settings.get("methods", ())}


class Growth(NamedTuple):
    """How the scores in a folder may grow.

    Attributes
    ----------
    settings : tuple of str
        Lists in the settings that may become longer; functions of one's own grow with them.
    name_methods : callable
        ``(settings) -> names``: the methods of scores.csv, in order, and which method each is of.
    """

    settings: tuple[str, ...] = ()
    name_methods: Callable[[Settings], Mapping[str, str]] = _name_methods

    def list_wanted(self, settings: Settings) -> set[Cell]:
        """List all that a run with these settings scores."""
        return list_cells([(list(self.name_methods(settings)), settings.get("metrics", ()))])

    def join(self, earlier: Settings, now: Settings, done: Collection[Cell]) -> "Joined":
        """Add what a run asks for to what its folder has.

        A method or metric that no track has been scored with is not of the folder: one that
        fails everywhere can be mended, or left out.
        """
        has, joined = dict(earlier), dict[str, Any]()
        growing = self.settings if earlier["task"] == now["task"] else ()
        names = self.name_methods(earlier)
        scored = {
            "methods": {names[method] for method, _ in done if method in names},
            "metrics": {metric for _, metric in done},
        }
        added = {}
        for key, value in now.items():
            if key.removeprefix("own_") in growing and key not in growing:
                continue  # beside its list
            joined[key] = value
            if key not in growing or not _can_grow(key, [*earlier.get(key, ()), *value]):
                continue
            kept = [
                name for name in earlier.get(key, ()) if key not in scored or name in scored[key]
            ]
            new = [name for name in value if name not in kept]
            has[key] = joined[key] = [*kept, *new]
            if kept and new:
                added[key] = (new, kept)
            own = f"own_{key}"
            functions = {n: each for n, each in earlier.get(own, {}).items() if n in kept}
            given = now.get(own, {})
            has[own], joined[own] = given | functions, functions | given
            if not joined[own]:
                del has[own], joined[own]
        return Joined(has, joined, added)


# Nothing can be added.
FIXED = Growth()


class Joined(NamedTuple):
    """The settings of a folder to which a run adds.

    Attributes
    ----------
    before, after : dict
        They differ in what cannot be added.
    added : dict
        What is added to what, by the name of the setting.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    added: Mapping[str, tuple[list[Any], list[Any]]]

    def describe(self, folder: object) -> list[str]:
        """Say what is added to a folder."""
        return [
            f"{_some(new)} {'is' if len(new) == 1 else 'are'} added to {folder}, which has "
            f"{_some(kept)}"
            for new, kept in self.added.values()
        ]


def _can_grow(key: str, values: Iterable[Any]) -> bool:
    """Tell whether these fit in one folder: STFTs must share their window."""
    return key != "stfts" or len({stft["window"] for stft in values}) == 1


def _some(names: Sequence[Any]) -> str:
    texts = [
        name if isinstance(name, str) else f"{name['n_fft']}/{name['hop_length']}"
        for name in names[:SHOWN]
    ]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(texts) + more


def find_missing_functions(
    left: Iterable[Part], settings: Settings, now: Settings, growth: Growth
) -> dict[str, list[str]]:
    """Name the functions of one's own that are needed and were not given, by setting."""
    names, parts = growth.name_methods(settings), list(left)
    needed = {
        "methods": [names[method] for part in parts for method in part.methods],
        "metrics": [metric for part in parts for metric in part.metrics],
    }
    missing = {
        key: [
            name
            for name in settings.get(f"own_{key}", {})
            if name in several and name not in now.get(f"own_{key}", {})
        ]
        for key, several in needed.items()
    }
    return {key: several for key, several in missing.items() if several}
