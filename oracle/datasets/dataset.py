"""Dataset: tracks that are read one at a time, when they are asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from oracle.track import Track


@dataclass(frozen=True)
class Dataset(Sequence[Track]):
    """A sequence of tracks, each read from disk when it is indexed, and not kept.

    Parameters
    ----------
    name : str
        What the dataset is called.
    track_names : tuple of str
        Names of the tracks, known before they are read.
    loaders : tuple of callables
        Each returns the track at the same place in `track_names`.

    Raises
    ------
    ValueError
        If there are more names than loaders, or fewer.

    Examples
    --------
    >>> import oracle
    >>> dataset = Dataset("one waltz", ("Daisy Bell",), (oracle.datasets.waltz,))
    >>> len(dataset), dataset[0].name
    (1, 'Daisy Bell')
    """

    name: str
    track_names: tuple[str, ...]
    loaders: tuple[Callable[[], Track], ...] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.track_names) != len(self.loaders):
            raise ValueError(
                "loaders must be as many as track_names, "
                f"got {len(self.loaders)} and {len(self.track_names)}"
            )

    def __len__(self) -> int:
        return len(self.loaders)

    @overload
    def __getitem__(self, index: int) -> Track: ...

    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...

    def __getitem__(self, index: int | slice) -> "Track | Dataset":
        if isinstance(index, slice):
            return Dataset(self.name, self.track_names[index], self.loaders[index])
        return self.loaders[index]()

    def __iter__(self) -> Iterator[Track]:
        # Sequence's would take an IndexError of a loader for the end.
        return (load() for load in self.loaders)
