"""oracle waltz: what the mask s_i / max(s, s_i) leaves behind."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from oracle import Track, datasets
from oracle.cli.app import command
from oracle.cli.options import Debug
from oracle.displays.pages import print_page
from oracle.report.published import load_published_track
from oracle.report.waltz_report import WaltzReport
from oracle.runs.notes import describe_input
from oracle.runs.progress import show_progress
from oracle.tracks.rest import InputWarning


@command(
    "waltz",
    "oracle waltz",
    "oracle waltz --download --out report",
    "oracle waltz --root ~/MUSDB18/MUSDB18-7",
    "oracle waltz --stems my_song/",
)
def waltz_command(
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of MUSDB18's preview, with train and test."),
    ] = None,
    download: Annotated[
        bool,
        typer.Option(
            "--download", metavar="", help="Fetch MUSDB18's preview of 7 s excerpts (to --root)."
        ),
    ] = False,
    stems: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Report on your own track: a folder of its stems, all or some of them. "
            "mixture.wav and vocals.wav will do. The track takes the folder's name.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write tables (CSV), figures (PNG and PDF; figures/index.html shows them "
            "all) and audio (sources, estimates and residuals as WAV) to this new folder.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Reproduce the waltz report: what the mask s_i / max(s, s_i) leaves behind.

    By default for the embedded waltz; with --root or --download for the published one, with its
    published figures alongside.
    """
    if stems is not None and (root is not None or download):
        raise typer.BadParameter("--stems cannot be combined with --root or --download")
    track = _waltz_or_stems(root, download, stems)
    report = WaltzReport(track)
    if out is not None:
        with show_progress(True, None) as shown:
            report.write(out, advance=shown.part)
    print_page(report.page())
    if out is not None:
        print(f"Written to {out}")


def _waltz_or_stems(root: Path | None, download: bool, stems: Path | None) -> Track:
    if stems is not None:
        found = datasets.folder(stems)
        if len(found) > 1:
            some = ", ".join(found.track_names[:3]) + (", ..." if len(found) > 3 else "")
            raise ValueError(
                f"stems must be the folder of one track, got {stems} with {len(found)}: {some}"
            )
        for note in describe_input([], found.left_out):
            warnings.warn(note, InputWarning, stacklevel=2)
        return found[0]
    if root is not None or download:
        return load_published_track(root, download=download)
    return datasets.waltz()
