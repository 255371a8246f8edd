"""oracle separate: the estimates as audio files."""

from pathlib import Path
from typing import Annotated

import typer

from oracle import Track
from oracle.cli.app import app
from oracle.cli.options import (
    DatasetName,
    Debug,
    Download,
    Hop,
    Methods,
    NFft,
    Root,
    Split,
    Subset,
    Window,
    dataset_of,
    methods_in,
    stft_of,
    usage,
)
from oracle.datasets.audio_files import write_audio
from oracle.execution import Advance, each_track
from oracle.files import file_name, new_folder
from oracle.methods import separate_each


@app.command(
    name="separate",
    epilog="Examples: [b]oracle separate --methods IRM2 --out estimates[/b] | "
    "[b]oracle separate stems/ --methods IBM,IRM1 --out estimates[/b]",
)
def separate_command(
    out: Annotated[
        Path, typer.Option(help="New folder, for METHOD/SUBSET/TRACK/TARGET.wav (32-bit float).")
    ],
    dataset: DatasetName = "waltz",
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    methods: Methods = None,
    n_fft: NFft = 2048,
    hop: Hop = None,
    window: Window = "hann",
    debug: Debug = False,
) -> None:
    """Separate a dataset with oracle methods and write the estimates as audio files."""
    with usage():
        chosen, stft = methods_in(methods), stft_of(n_fft, hop, window)
    tracks = dataset_of(dataset, root, subset, split, download)
    new_folder(out)

    def write_estimates(track: Track, advance: Advance) -> int:
        place = Path(file_name(track.subset)) / file_name(track.name)
        n_files = 0
        for method, estimates in separate_each(track, chosen, stft=stft):
            for target, audio in estimates.items():
                path = out / method / place / f"{file_name(target)}.wav"
                write_audio(path, audio, track.rate)
                n_files += 1
            advance(f"{track.name}: {method}", 1 / len(chosen))
        return n_files

    written = each_track(tracks, write_estimates, progress=True)
    n_files = sum(written)
    print(f"{n_files} files written to {out}")
