"""The order of speakers: estimates get the names of the references that they fit best."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from oracle.datasets import Dataset
from oracle.metrics.permutations import assign_estimates, find_interchangeable
from oracle.tracks.track import Audio, Track, target_names


class SpeakerOrder(NamedTuple):
    """Whether the order of estimates is searched for, and of which sources.

    Attributes
    ----------
    is_searched : bool
        Whether it is.
    is_required : bool
        Whether tracks without interchangeable sources are refused.
    known : tuple of str
        Sources that are interchangeable, if the dataset knows.
    """

    is_searched: bool
    is_required: bool
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, tracks: Track | Iterable[Track], permute: bool | None) -> "SpeakerOrder":
        """Choose what to do with tracks: by default, what their dataset says.

        Raises
        ------
        TypeError
            If `permute` is neither bool nor None.
        """
        if permute is not None and not isinstance(permute, bool):
            raise TypeError(f"permute must be True, False or None, got {permute!r}")
        known = tracks.interchangeable if isinstance(tracks, Dataset) else ()
        return cls(bool(known) if permute is None else permute, permute is True, known)

    def rename(
        self, estimates: Mapping[str, Audio], track: Track
    ) -> tuple[dict[str, Audio], dict[str, str]]:
        """Rename estimates, so that their mean SI-SDR is highest.

        Returns
        -------
        renamed : dict from str to array
            The estimates by the references that they are scored against.
        assigned : dict from str to str
            The names that the estimates had, by reference, of interchangeable sources alone.

        Raises
        ------
        ValueError
            If an order is required, and no sources of the track are interchangeable.
        """
        groups = find_interchangeable(track.sources, self.known) if self.is_searched else []
        if self.is_required and not groups:
            raise ValueError(
                "permute must not be True (--permute) for a track without interchangeable sources, "
                f"got {', '.join(track.sources)}: only speakers are, called s1, s2, ... or "
                "speaker1, speaker2, ..."
            )
        assigned: dict[str, str] = {}
        for group in groups:
            given = {name: estimates[name] for name in group if name in estimates}
            # By default, fewer estimates than speakers are those of the speakers that they name.
            if len(given) == len(group) or (given and self.is_required):
                assigned |= assign_estimates({name: track.sources[name] for name in group}, given)
        others = {name: name for name in estimates if name not in assigned.values()}
        names = others | assigned
        in_order = (target for target in target_names(track.sources) if target in names)
        return {target: estimates[names[target]] for target in in_order}, assigned
