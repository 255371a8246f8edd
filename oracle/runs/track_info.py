"""What a run records of a track: its shape, its mixture, and what a reader must know of both."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from oracle.metrics.energy_ratios import is_silent
from oracle.tracks.mixing import redundancies
from oracle.tracks.rest import Completed

if TYPE_CHECKING:
    from pandas import DataFrame

# What becomes of the rest of a mixture, if it does not become a source.
IGNORED = "ignored"

# What only a folder needs to know of a track, to tell what is done.
OF_FOLDER = ("scored", "made_of", "files")

# A mixture equals its only source if they differ by less than this, in dB of the mixture.
ROUNDING = -80.0


class TrackInfo(NamedTuple):
    """What the files of a run say about a track that is done."""

    name: str
    subset: str
    rate: int  # in Hz
    n_channels: int
    n_samples: int
    mixture: str
    unexplained: float | None = None  # level of what is in no source, in dB of the mixture
    mistake: str = ""  # what the mixture is instead of the sum of its sources
    rest: str = ""  # what became of what is in no source, if it is loud
    silent: Sequence[str] = ()  # sources, and estimates, that are silent throughout
    redundant: Sequence[str] = ()  # sources that are copies or sums of others, and how
    alone: bool = False  # whether one source is the whole mixture, so that keeping all is perfect
    joined: Sequence[str] = ()  # sources that count as one, the accompaniment
    missing: Sequence[str] = ()  # targets without an estimate, in the scores of a system
    assigned: Mapping[str, str] = {}  # of speakers: the estimate scored, by reference
    warnings: Sequence[str] = ()
    scored: Sequence[Sequence[Sequence[str]]] = ()  # parts of the scores that are done
    made_of: str = ""  # a fingerprint
    files: Sequence[tuple[str, int]] = ()  # with their sizes in bytes

    @classmethod
    def of(cls, completed: Completed) -> Self:
        """Describe a track, and how it was completed."""
        track, found = completed.given, completed.unexplained
        level = track.mixing.unexplained
        n_heard = int((track.mixing.energies > 0).sum())
        return cls(
            name=track.name,
            subset=track.subset,
            rate=track.rate,
            n_channels=track.n_channels,
            n_samples=track.n_samples,
            mixture="sum of the sources" if track.mixture_is_sum else "as delivered",
            unexplained=round(level, 1) if math.isfinite(level) else None,
            mistake=found.mistake if found else "",
            rest="" if found is None else completed.added or IGNORED,
            silent=[name for name, audio in track.sources.items() if is_silent(audio)],
            redundant=[
                each.text(list(track.sources))
                for each in redundancies(track.mixing, mixture_is_sum=track.mixture_is_sum)
            ],
            alone=n_heard == 1 and level < ROUNDING,
            joined=track.joined,
        )

    @property
    def mixture_is_sum(self) -> bool:
        """Whether no mixture was delivered."""
        return self.mixture != "as delivered"


def table_infos(infos: Iterable[TrackInfo]) -> "DataFrame":
    """Make a table with a row per track; lists and mappings are joined by semicolons."""
    # Imported late: `import oracle` stays quick.
    import pandas as pd

    known = [name for name in TrackInfo._fields if name not in OF_FOLDER]
    rows = [[join_list(getattr(info, name)) for name in known] for info in infos]
    return pd.DataFrame(rows, columns=known)


def join_list(value: Any) -> Any:
    """Join a list or a mapping by semicolons; leave anything else as it is."""
    if isinstance(value, dict):
        value = [f"{name}: {each}" for name, each in value.items()]
    return "; ".join(value) if isinstance(value, (list, tuple)) else value
