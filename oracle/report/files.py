"""Files of the waltz report: tables, audio and figures in a folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oracle.datasets.audio_files import write_audio
from oracle.machine.files import file_name, new_folder, write_whole
from oracle.plots import Captioned, write_figures
from oracle.report.masked_track import MaskedTrack

if TYPE_CHECKING:
    from pandas import DataFrame

Advance = Callable[[str, float], object]


def write_files(
    out: Path,
    track: MaskedTrack,
    tables: Mapping[str, "DataFrame"],
    figures: Mapping[str, Captioned],
    *,
    advance: Advance,
) -> None:
    """Write the files of `oracle.WaltzReport.write` to a new or empty folder.

    Parameters
    ----------
    out : Path
        The folder.
    track : MaskedTrack
        The track of the report.
    tables : mapping from str to DataFrame
        Tables by the names of their files.
    figures : mapping from str to Captioned
        Figures by the names of their files.
    advance : callable
        Called with what was just done and its share of the work.
    """
    folder = new_folder(out)
    steps = len(tables) + len(figures)
    for name, table in tables.items():
        write_whole(folder / f"{name}.csv", table.to_csv(index=table.index.name is not None))
        advance(f"{name}.csv", 1 / steps)
    _write_audio(folder / "audio", track)
    write_figures(
        figures,
        folder / "figures",
        title=f"{track.name}: figures of the waltz report",
        dpi=300,
        advance=lambda doing, part: advance(doing, part * len(figures) / steps),
    )


def _write_audio(folder: Path, track: MaskedTrack) -> None:
    audio = {"mixture": track.mixture}
    for name, *signals in zip(
        track.targets, track.references, track.estimates, track.residuals, strict=False
    ):
        kinds = zip(("reference", "estimate", "residual"), signals, strict=True)
        audio |= {f"{file_name(name)}/{kind}": signal for kind, signal in kinds}
    for name, signal in audio.items():
        write_audio(folder / f"{name}.wav", signal[np.newaxis].astype(np.float32), track.rate)
