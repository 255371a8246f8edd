"""Options that several commands share, and what they mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from oracle import STFT, Track, datasets
from oracle.cli.functions import load_function, names_function
from oracle.datasets.catalogue import NAMED
from oracle.datasets.dataset import check_targets
from oracle.datasets.musdb_stems import SUFFIX, stem_file
from oracle.methods import DEFAULT_METHODS, AnyMethod, Method, find_methods
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, find_metrics
from oracle.metrics.names import ALL_METRICS, METRICS
from oracle.results.layouts import SHOWN
from oracle.runs.plans import Jobs
from oracle.tracks.track import Rest, check_seconds

Number = TypeVar("Number", int, float)

DatasetName = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="[b]waltz[/b], the embedded track; the name of a dataset (see --root and "
        "'oracle datasets'); a folder of tracks, each a folder of audio files named after "
        "their sources; or a .stem.mp4 file.",
        show_default="waltz",
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Use these methods; 'oracle methods' lists them. FILE.py:FUNCTION and "
        "MODULE:FUNCTION are masks of yours.",
        show_default="all but ENH-IRM, MAG, OPT-... and CEILING-...",
    ),
]
Window = Annotated[
    str,
    typer.Option(metavar="NAME", help="STFT: window, by its name in scipy.signal.get_window."),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help=f"Compute and print these metrics: {', '.join(ALL_METRICS)}, or those that 'oracle "
        "guide metrics' lists, such as SI-SDRi. SDR alone is several times faster. Metrics with "
        "-reg cope with low-passed references. FILE.py:FUNCTION and MODULE:FUNCTION are metrics of "
        "yours.",
        show_default=f"computes all but -reg, prints {', '.join(SHOWN)}",
    ),
]
RestOption = Annotated[
    Rest | None,
    typer.Option(
        "--rest",
        help="If a mixture holds sound louder than -25 dB that is in none of its sources, make it "
        "one more source, ignore it, or refuse the track.",
        show_default="source, but a changed gain, sign, delay or channel order is an error; for "
        "musdb18, musdb18-hq and dsd100: ignore",
    ),
]
RESUMED = (
    "Give the folder of an earlier run to resume it, or to add methods and metrics: only what is "
    "missing is computed."
)
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help=f"Write scores.csv, bounds.csv, run.json and museval's JSON to this folder. {RESUMED}",
    ),
]
BoundsOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write scores.csv, bounds.csv, run.json, museval's JSON and figures (see "
        f"figures/index.html) to this folder. {RESUMED}",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        metavar="",
        help="Delete what an earlier run wrote to --out. Without this, that run is resumed.",
    ),
]
# Read in `main`, which reports errors; here for --help.
Debug = Annotated[bool, typer.Option("--debug", metavar="", help="Show the traceback of an error.")]


@contextmanager
def usage() -> Iterator[None]:
    """Report errors in the options as wrong usage."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(str(error)) from error


def split_names(text: str) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_numbers(argument: str, text: str, kind: type[Number]) -> list[Number]:
    """Split numbers at commas."""
    try:
        return [kind(number) for number in split_names(text)]
    except ValueError:
        kinds = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{argument} must be {kinds}, comma-separated, got {text!r}") from None


def parse_metrics(text: str | None) -> list[Metric]:
    """Return the metrics to compute."""
    return find_metrics(METRICS if text is None else split_metrics(text))


def split_metrics(text: str) -> list[AnyMetric]:
    """Split metrics at commas; ``FILE.py:FUNCTION`` and ``MODULE:FUNCTION`` are functions."""
    return [
        load_function("metrics", name, Metric, Metric) if names_function(name) else name
        for name in split_names(text)
    ]


def split_methods(text: str) -> list[AnyMethod]:
    """Split methods at commas; ``FILE.py:FUNCTION`` and ``MODULE:FUNCTION`` are masks."""
    return [
        load_function("methods", name, Method, Method.from_mask) if names_function(name) else name
        for name in split_names(text)
    ]


def parse_methods(text: str | None) -> list[Method]:
    """Return the methods to separate with."""
    return find_methods(DEFAULT_METHODS if text is None else split_methods(text))


@dataclass
class Selection:
    """Options that select tracks of a dataset."""

    root: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the files of a dataset; see 'oracle datasets'.",
            show_default="for musdb18, $MUSDB_PATH",
        ),
    ] = None
    subset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this subset: train, test, ...")
    ] = None
    split: Annotated[
        Literal["train", "valid"] | None,
        typer.Option(help="musdb18: only this part of the subset train."),
    ] = None
    download: Annotated[
        bool,
        typer.Option("--download", metavar="", help="musdb18: fetch the preview of 7 s excerpts."),
    ] = False
    mixture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="librimix, wham, whamr: these mixtures; 'oracle datasets' lists them.",
            show_default="the first listed",
        ),
    ] = None
    pattern: Annotated[
        str | None,
        typer.Option(
            "--tracks",
            metavar="PATTERN",
            help="Only tracks whose name matches: 'Music Delta*'.",
        ),
    ] = None
    first: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N of these tracks.")
    ] = None
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="Only the first S seconds of each track.")
    ] = None
    targets: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Each track as two sources, [b]vocals,accompaniment[/b] (all but the vocals count "
            "as one).",
            show_default="all sources",
        ),
    ] = None

    def open(self, name: str) -> datasets.Dataset | Track:
        """Open the dataset of this name, and select the tracks that the options ask for."""
        if not name:
            raise typer.BadParameter("dataset must not be empty, got ''")
        if (self.split or self.download) and name != "musdb18":
            raise typer.BadParameter(
                f"--split and --download go with the dataset musdb18, got {name}"
            )
        if self.mixture is not None and (name not in NAMED or not NAMED[name].mixtures):
            several = ", ".join(listing.name for listing in NAMED.values() if listing.mixtures)
            raise typer.BadParameter(f"--mixture goes with the datasets {several}, got {name}")
        if self.seconds is not None:
            with usage():
                check_seconds(self.seconds)
        targets = None if self.targets is None else split_names(self.targets)
        if targets is not None:
            with usage():
                check_targets(targets)
        found = self._find(name)
        if isinstance(found, datasets.Dataset):
            return found.select(
                subset=self.subset,
                pattern=self.pattern,
                first=self.first,
                seconds=self.seconds,
                targets=targets,
            )
        if (self.subset, self.pattern, self.first) != (None, None, None):
            raise typer.BadParameter(
                f"--subset, --tracks and --first go with datasets and folders, got {name}"
            )
        found = found if self.seconds is None else found.beginning(self.seconds)
        return found if targets is None else found.join_accompaniment()

    def _find(self, name: str) -> datasets.Dataset | Track:
        if name == "musdb18":
            if self.subset == "test" and self.split is not None:
                raise typer.BadParameter("--split goes with --subset train, got --subset test")
            if self.subset == "valid":
                raise typer.BadParameter("musdb18 has its validation part as --split valid")
            return datasets.musdb18(self.root, split=self.split, download=self.download)
        if name in NAMED and name != "waltz":
            if self.root is None:
                raise typer.BadParameter(
                    f"--root must be the folder of {name} (see 'oracle datasets'), got none; "
                    f"if {name} is a folder of yours, write ./{name}"
                )
            which = {} if self.mixture is None else {"mixture": self.mixture}
            return NAMED[name].open(self.root, **which)
        if self.root is not None:
            raise typer.BadParameter(
                f"--root goes with a dataset by name, got {name} (see 'oracle datasets')"
            )
        if name == "waltz":
            return datasets.waltz()
        if name.endswith(SUFFIX) and Path(name).is_file():
            return stem_file(Path(name))
        if not Path(name).is_dir():
            what = (
                "a file: name the folder that it lies in"
                if Path(name).exists()
                else "no such folder"
            )
            raise FileNotFoundError(
                f"dataset must be {', '.join(NAMED)} or a folder, got {name!r}, {what}"
            )
        return datasets.folder(name)


@dataclass
class StftOptions:
    """Options of the STFT."""

    n_fft: Annotated[int, typer.Option(metavar="N", help="STFT: samples in a window.")] = 2048
    hop: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="STFT: samples from one window to the next.",
            show_default="half a window",
        ),
    ] = None
    window: Window = "hann"

    def make(self) -> STFT:
        """Make the STFT; report errors as wrong usage."""
        with usage():
            return STFT(n_fft=self.n_fft, hop_length=self.hop, window=self.window)


@dataclass
class WorkOptions:
    """Options that tell where to work."""

    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            help="Work on N tracks at a time. Each takes a core, and memory for one track.",
            show_default="one track per core, fewer if memory is short",
        ),
    ] = None
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Dask cluster: its scheduler's [b]tcp://host:port[/b] or file.",
        ),
    ] = None

    @property
    def chosen_jobs(self) -> Jobs:
        """How many cores of this machine to use: by default as many as memory allows."""
        if self.jobs is not None and self.dask is not None:
            raise typer.BadParameter("--jobs cannot be combined with --dask")
        if self.jobs is not None and self.jobs < 1:
            raise typer.BadParameter(f"--jobs must be positive, got {self.jobs}")
        return "auto" if self.jobs is None and self.dask is None else self.jobs
