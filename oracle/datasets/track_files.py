"""Tracks read from their files; a source may have several."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from oracle.datasets.audio_files import read_together
from oracle.datasets.trees import USUAL
from oracle.tracks.track import Audio, Rest, Track, add_up


def read_track(
    place: Path,
    name: str,
    subset: str,
    mixture: Path | None,
    sources: Mapping[str, Sequence[Path]],
    *,
    rest: Rest | None = None,
) -> Track:
    """Read a track; a source is the sum of its files.

    Parameters
    ----------
    place : Path
        The file or folder to name in errors about the whole track.
    name, subset : str
        Name of the track and of its subset.
    mixture : Path or None
        Its file; if None, the mixture is the sum of the sources.
    sources : mapping from str to sequence of Path
        The files of each source. The usual sources come first, the others keep their order.
    rest : {"source", "ignore", "refuse"}, optional
        As in `Track`.

    Raises
    ------
    ValueError
        If a file cannot be read, or the files do not make a track.
    """
    paths = [path for files in sources.values() for path in files]
    rate, audio = read_together(paths if mixture is None else [mixture, *paths])
    stems = put_usual_first(
        {name: add_up(audio.pop(p) for p in files) for name, files in sources.items()}
    )
    try:
        if mixture is None:
            return Track.from_sources(name, rate, stems, subset=subset)
        return Track(name, rate, audio[mixture], stems, subset=subset, rest=rest)
    except ValueError as error:
        made_of = [(stems[source], files) for source, files in sources.items()]
        if mixture is not None:
            made_of.append((audio[mixture], [mixture]))
        bad = [
            " or ".join(path.name for path in fs) for a, fs in made_of if not np.isfinite(a).all()
        ]
        remedy = f": export {' and '.join(bad)} again" if bad else ""
        raise ValueError(f"{place}: {error}{remedy}") from error


def put_usual_first(sources: Mapping[str, Audio]) -> dict[str, Audio]:
    """Put the usual sources first, as in tables; the others keep their order."""

    def rank(name: str) -> int:
        usual = str(name).lower()
        return USUAL.index(usual) if usual in USUAL else len(USUAL)

    return {name: sources[name] for name in sorted(sources, key=rank)}
