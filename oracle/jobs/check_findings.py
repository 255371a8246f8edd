"""What a check found in a dataset: what is wrong, what is worth knowing, its table and files."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from oracle.datasets.trees import USUAL
from oracle.machine.files import write_whole
from oracle.runs.notes import describe_input
from oracle.runs.track_info import TrackInfo, join_list

if TYPE_CHECKING:
    from pandas import DataFrame


class TrackCheck(NamedTuple):
    """What was found in a track.

    Attributes
    ----------
    info : TrackInfo
        What runs record, too: name, subset, rate, shape, the level of what is in no source, and
        silent and redundant sources.
    sources : list of str
        Names of its sources.
    clipped : dict from str to int
        How many samples are at full scale or above, by source; and of the mixture, if one was
        delivered.
    problem : str
        Why a run would refuse it, or what it would do about the mixture.
    refused : bool
        Whether a run would refuse it.
    doubles : list of str
        Sources that are copies or sums of others, where the mixture holds them all.
    """

    info: TrackInfo
    sources: list[str]
    clipped: dict[str, int]
    problem: str
    refused: bool
    doubles: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.info.n_samples / self.info.rate

    @property
    def n_samples(self) -> int:
        """How many samples there are in all channels of all its sources."""
        return self.info.n_samples * self.info.n_channels * len(self.sources)

    @property
    def problems(self) -> list[str]:
        """What is wrong with it."""
        silent = [
            f"{name} is silent, so SDR, ISR, SIR and SAR are NaN: remove it if the track has "
            f"no {name}"
            for name in self.info.silent
        ]
        return [*silent, *self.info.redundant, *([self.problem] if self.problem else [])]


@dataclass(frozen=True)
class Check:
    """What `oracle.check` found in a dataset.

    Parameters
    ----------
    name : str
        What the dataset is called.
    tracks : tuple of TrackCheck
        What was found in each track that can be read.
    failures : dict from str to str
        Why the others cannot be read, by ``subset/track``.
    left_out : tuple of str
        What is in the folder of the dataset and may be audio, but belongs to no track.
    seconds : dict from str to float
        How long `oracle.compute_bounds` will take for reading and for each method, in seconds,
        estimated from one track and some seconds of it.
    jobs : int
        How many cores of this machine that is for.
    """

    name: str
    tracks: tuple[TrackCheck, ...]
    failures: dict[str, str]
    left_out: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    jobs: int = 1

    @cached_property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong: pairs of a track, empty for the whole dataset, and a problem."""
        return [
            *((name, why) for name, why in self.failures.items()),
            *((self._name(track), what) for track in self.tracks for what in track.problems),
            *(("", f"not read: {each}") for each in self.left_out),
        ]

    @cached_property
    def remarks(self) -> list[tuple[str, str]]:
        """What is worth knowing: pairs of a track and a remark."""
        common = self.common_sources
        usual = {
            what: Counter(getattr(track.info, what) for track in self.tracks).most_common(1)
            for what in ("rate", "n_channels")
        }
        remarks: list[tuple[str, str]] = []
        for track in self.tracks:
            info = track.info
            song = _find_shared_prefix(track.sources)
            about = [
                *([f"has {song!r} before the name of each source"] if song else []),
                *(f"has no {name}" for name in common if name not in track.sources),
                *(f"has {name} as well" for name in track.sources if name not in common),
                *(f"{name} has {n} samples at full scale" for name, n in track.clipped.items()),
                *(each.removeprefix(f"{info.name}: ") for each in info.warnings),
            ]
            about += [f"{what}, and so it is in the mixture" for what in track.doubles]
            if info.alone:
                about.append("has one source alone: any mask that keeps it is perfect")
            if info.rest and not track.problem:
                about.append(describe_input([info], ())[0])
            if info.rate != usual["rate"][0][0]:
                about.append(f"has a rate of {info.rate} Hz")
            if info.n_channels != usual["n_channels"][0][0]:
                channels = "1 channel" if info.n_channels == 1 else f"{info.n_channels} channels"
                about.append(f"has {channels}")
            remarks += [(self._name(track), what) for what in about]
        return remarks

    @property
    def common_sources(self) -> list[str]:
        """The sources that more than half of the tracks have."""
        in_order = sorted(self.tracks, key=lambda track: -len(track.sources))
        counts = Counter(name for track in in_order for name in track.sources)
        return [name for name, count in counts.items() if 2 * count > len(self.tracks)]

    @property
    def table(self) -> "DataFrame":
        """What was found, a row per track; lists are joined by semicolons."""
        import pandas as pd

        rows = [
            {
                **{name: join_list(value) for name, value in track.info._asdict().items()},
                "sources": join_list(track.sources),
                "clipped": join_list([f"{name} {n}" for name, n in track.clipped.items()]),
                "problems": join_list(track.problems),
            }
            for track in self.tracks
        ]
        for name, why in self.failures.items():
            subset, _, track_name = name.partition("/")
            rows.append({"subset": subset, "name": track_name, "problems": why})
        of_runs = ("made_of", "files", "rest", "missing", "assigned")
        known = [name for name in TrackInfo._fields if name not in of_runs]
        table = pd.DataFrame(rows, columns=[*known, "sources", "clipped", "problems"])
        return table.astype(dict.fromkeys(("rate", "n_channels", "n_samples"), "Int64"))

    def _name(self, track: TrackCheck) -> str:
        """Name a track as `failures` does."""
        return f"{track.info.subset}/{track.info.name}"

    def write(self, out: str | Path) -> None:
        """Write what was found.

        Parameters
        ----------
        out : str or Path
            A ``.csv`` file for the table of the tracks, a ``.json`` file for everything, or a
            folder for both: ``tracks.csv`` and ``check.json``.
        """
        path = Path(out)
        if path.suffix not in (".csv", ".json"):
            self.write(path / "tracks.csv")
            self.write(path / "check.json")
        elif path.suffix == ".csv":
            write_whole(path, self.table.to_csv(index=False, lineterminator="\n"))
        else:
            tracks = self.table.astype(object)
            tracks = tracks.where(tracks.notna(), None)
            everything = {
                "dataset": self.name,
                "problems": [{"track": track, "problem": what} for track, what in self.problems],
                "remarks": [{"track": track, "remark": what} for track, what in self.remarks],
                "left_out": self.left_out,
                "failures": self.failures,
                "seconds": self.seconds,
                "jobs": self.jobs,
                "tracks": tracks.to_dict("records"),
            }
            write_whole(path, json.dumps(everything, indent=2) + "\n")


def _find_shared_prefix(names: Sequence[str]) -> str:
    """Find what precedes the usual source in all names, such as the name of a song."""
    prefixes = {name[: len(name) - len(re.split(r"[ _.-]", name)[-1])] for name in names}
    shared = prefixes.pop()
    usual = any(name.removeprefix(shared).lower() in USUAL for name in names)
    return shared if usual and not prefixes else ""
