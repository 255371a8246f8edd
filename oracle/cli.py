"""The `oracle` command."""

import io
import math
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oracle import (
    STFT,
    Track,
    TracksFailed,
    __version__,
    compute_bounds,
    compute_sweep,
    datasets,
    plots,
    sweeps,
)
from oracle.bounds import BOUNDS, bounds_named
from oracle.datasets.audio_files import write_audio
from oracle.execution import Advance, each_track, progress_bar
from oracle.files import file_name, new_folder
from oracle.methods import CEILING, METHODS, methods_named, separate_each
from oracle.scores import (
    ALL_METRICS,
    FRAMEWISE,
    METRICS,
    MUSEVAL,
    REGULARIZED,
    WINDOW,
    metrics_named,
)
from oracle.systems import score_system
from oracle.terminal import print_whole
from oracle.waltz_report import WaltzReport, published_track
from oracle.waltz_tables import print_waltz_report

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FAILED, WRONG_USAGE, SOME_TRACKS_FAILED, INTERRUPTED = 1, 2, 3, 130

# From bounds, metrics and the number of tracks to what is printed.
Layout = Callable[["DataFrame", Sequence[str], int], Iterator[Table]]

Number = TypeVar("Number", int, float)

# What is printed unless asked otherwise.
SHOWN = (*MUSEVAL, "uSDR")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How well can any time-frequency mask separate these sources?",
    epilog="Examples: [b]oracle bounds[/b] | [b]oracle bounds stems/ --out results[/b] | "
    "[b]oracle separate --methods IRM2 --out estimates[/b]. "
    "Exit status: 0 done, 1 error, 2 wrong usage, 3 tracks failed, 130 interrupted.",
)

DatasetName = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="[b]waltz[/b], the embedded track; [b]musdb18[/b], its .stem.mp4 files (see --root); "
        "or a folder of tracks, each a folder of audio files named after their sources.",
        show_default="waltz",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(help="musdb18: the folder with train and test.", show_default="$MUSDB_PATH"),
]
Subset = Annotated[Literal["train", "valid", "test"] | None, typer.Option(help="Only this subset.")]
Split = Annotated[
    Literal["train", "valid"] | None,
    typer.Option(help="musdb18: only this part of the subset train."),
]
Download = Annotated[
    bool, typer.Option("--download", help="musdb18: fetch the preview of 7 s excerpts.")
]
Methods = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Methods, comma-separated; see 'oracle methods'.",
        show_default="all",
    ),
]
NFft = Annotated[int, typer.Option(help="STFT: samples in a window.")]
Hop = Annotated[
    int | None,
    typer.Option(help="STFT: samples from one window to the next.", show_default="half a window"),
]
Window = Annotated[str, typer.Option(help="STFT: window, as scipy.signal.get_window names it.")]
Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help=f"Metrics to compute, and to print: {', '.join(ALL_METRICS)}. SDR alone is several "
        "times faster; those with -reg are robust to low-passed references.",
        show_default=f"computes all but -reg, prints {','.join(SHOWN)}",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="New folder for scores.csv, bounds.csv, run.json and museval's JSON."),
]
# Read in `main`, where errors end; here for --help.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"oracle {__version__}")
        raise typer.Exit


@app.callback()
def root_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Ideal-mask source-separation bounds."""


@app.command(
    name="bounds",
    epilog="Examples: [b]oracle bounds[/b] | "
    "[b]oracle bounds stems/ --methods IBM1,IRM2 --out results[/b] | "
    "[b]oracle bounds musdb18 --root ~/musdb18 --subset test --out sisec[/b]",
)
def bounds_command(
    dataset: DatasetName = "waltz",
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    methods: Methods = None,
    n_fft: NFft = 2048,
    hop: Hop = None,
    window: Window = "hann",
    metrics: Metrics = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Compute the bounds of a dataset: separate with oracle methods, score, print a table."""
    with _usage():
        computed, shown = _metrics(metrics)
        chosen, _ = bounds_named(BOUNDS if methods is None else _names(methods), computed)
        stft = _stft(n_fft, hop, window)
    tracks = _dataset(dataset, root, subset, split, download)
    _report(
        lambda: compute_bounds(
            tracks, methods=chosen, stft=stft, metrics=computed, out=out, progress=True
        ),
        _table_each,
        shown,
        f"STFT: {stft.window} window of {stft.n_fft} samples, hop {stft.hop_length}.",
        out,
    )


@app.command(
    name="sweep",
    epilog="Examples: [b]oracle sweep --out sweep[/b] | "
    "[b]oracle sweep stems/ --n-ffts 1024,2048,4096 --overlaps 0.5,0.75,0.875[/b] | "
    "[b]oracle sweep musdb18 --root ~/musdb18 --subset test --methods IRM2,CEILING "
    "--out sweep[/b]",
)
def sweep_command(
    dataset: DatasetName = "waltz",
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    methods: Annotated[
        str, typer.Option(metavar="NAME,...", help="Methods, comma-separated.")
    ] = ",".join(sweeps.METHODS),
    n_ffts: Annotated[
        str, typer.Option(metavar="SAMPLES,...", help="Lengths of the window in samples.")
    ] = ",".join(map(str, sweeps.N_FFTS)),
    overlaps: Annotated[
        str,
        typer.Option(metavar="PART,...", help="Parts of a window under the next, from 0 to 1."),
    ] = ",".join(map(str, sweeps.OVERLAPS)),
    window: Window = "hann",
    metrics: Annotated[
        str,
        typer.Option(metavar="NAME,...", help="Metrics, as in 'oracle bounds'."),
    ] = "SDR",
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for sweep.csv, the figure (sweep-METRIC.png and .pdf), and the "
            "files that 'oracle bounds' writes.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Compare STFTs: bounds over window lengths and overlaps, a table and a figure."""
    with _usage():
        chosen, computed = bounds_named(_names(methods), _names(metrics))
        lengths, parts = _numbers("n_ffts", n_ffts, int), _numbers("overlaps", overlaps, float)
        sweeps.transforms_of(lengths, parts, window)
    if out is not None:
        plots.check_matplotlib()
    tracks = _dataset(dataset, root, subset, split, download)

    def compute() -> "DataFrame":
        return compute_sweep(
            tracks,
            methods=chosen,
            n_ffts=lengths,
            overlaps=parts,
            window=window,
            metrics=computed,
            out=out,
            progress=True,
        )

    def layout(table: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
        # First what stays: whoever reads the tables may stop reading.
        if out is not None:
            for metric in table["metric"].unique():
                figure = plots.plot_sweep(table, metric=metric)
                for suffix in ("png", "pdf"):
                    figure.savefig(out / f"sweep-{metric}.{suffix}", dpi=200)
        return _table_a_target(table, metrics, n_tracks)

    _report(compute, layout, computed, f"STFT: {window} windows, lengths in samples.", out)


@app.command(
    name="score",
    epilog="Examples: [b]oracle score stems/ my_model/ --out results[/b] | "
    "[b]oracle score musdb18 my_model/ --root ~/musdb18 --subset test[/b] | "
    "[b]oracle separate --methods IRM2 --out est && oracle score waltz est/IRM2[/b]",
)
def score_command(
    references: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCES",
            help="[b]waltz[/b], [b]musdb18[/b] (see --root), or a folder of tracks, "
            "as in 'oracle bounds'.",
        ),
    ],
    estimates: Annotated[
        Path,
        typer.Argument(
            metavar="ESTIMATES",
            help="Folder of SUBSET/TRACK/TARGET.wav or TRACK/TARGET.wav (of a single track, also "
            "of TARGET.wav): every source, or vocals and accompaniment.",
        ),
    ],
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    metrics: Metrics = None,
    fit_length: Annotated[
        bool,
        typer.Option(
            "--fit-length",
            help="Cut estimates that are longer than the references, pad shorter ones with "
            "zeros, as museval does.",
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="What to call the system.", show_default="as its folder"),
    ] = None,
    out: Out = None,
    debug: Debug = False,
) -> None:
    """Score the separated audio of any system: the same metrics, tables and files."""
    with _usage():
        computed, shown = _metrics(metrics)
    tracks = _dataset(references, root, subset, split, download)
    _report(
        lambda: score_system(
            tracks,
            estimates,
            name=name,
            metrics=computed,
            fit_length=fit_length,
            out=out,
            progress=True,
        ),
        _one_table,
        shown,
        f"Estimates: {estimates}.",
        out,
    )


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
    with _usage():
        chosen, stft = _methods(methods), _stft(n_fft, hop, window)
    tracks = _dataset(dataset, root, subset, split, download)
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


@app.command(
    name="waltz",
    epilog="Examples: [b]oracle waltz[/b] | [b]oracle waltz --download --out report[/b] | "
    "[b]oracle waltz --root ~/MUSDB18/MUSDB18-7[/b] | [b]oracle waltz --stems my_song/[/b]",
)
def waltz_command(
    root: Annotated[
        Path | None, typer.Option(help="Folder of MUSDB18's preview, with train and test.")
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch MUSDB18's preview of 7 s excerpts (to --root)."),
    ] = False,
    stems: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the stems of any track, all or some of them: "
            "mixture.wav and vocals.wav will do. The track is called like it."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for the tables (CSV), the figures (PNG and PDF) and the audio "
            "(sources, estimates and residuals as WAV)."
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Reproduce the waltz report: what the mask s_i / max(s, s_i) leaves behind.

    Of the embedded waltz; with --root or --download of the published one, beside its figures.
    """
    if stems is not None and (root is not None or download):
        raise typer.BadParameter("--stems cannot be combined with --root or --download")
    track = _waltz_or_stems(root, download, stems)
    report = WaltzReport(track)
    if out is not None:
        with progress_bar(True, track) as advance:
            report.write(out, advance=advance)
    print_waltz_report(report)
    if out is not None:
        print(f"Written to {out}")


@app.command(name="methods", epilog="Example: [b]oracle methods[/b]")
def methods_command() -> None:
    """Explain every method: its formula and where it comes from."""
    console = Console(highlight=False)
    console.print(
        "X is the mixture's STFT, S_j a source's, per channel; 0/0 is 0. "
        "A mask multiplies the mixture's STFT.\n"
    )
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    for method in (*METHODS.values(), CEILING):
        text = Text.assemble(
            (method.formula, "bold"), f"\n{method.summary}\n", (method.reference, "dim")
        )
        table.add_row(method.name, text)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit; errors are one line, or a traceback with --debug."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show every name
            stream.reconfigure(errors="backslashreplace")
    status = FAILED
    warnings.filterwarnings("always", category=UserWarning, module=__package__)
    warnings.showwarning = _show_warning
    try:
        # A command returns nothing; --help, --version and an interruption their status.
        status = app(list(arguments), standalone_mode=False) or 0
        if status == INTERRUPTED:
            _complain("interrupted")
    except (typer.Abort, KeyboardInterrupt):  # so it was in older versions of typer
        status = INTERRUPTED
        _complain("interrupted")
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        if hasattr(error, "format_message"):  # typer's errors; their base class has changed
            status = WRONG_USAGE
            _complain(error.format_message())
        elif isinstance(error, TracksFailed):
            status = SOME_TRACKS_FAILED
            for failure in error.exceptions:
                _complain(str(failure))
        else:
            _complain(str(error) or type(error).__name__)
    sys.exit(status)


@contextmanager
def _usage() -> Iterator[None]:
    """Report what is wrong with the options as wrong usage."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(str(error)) from error


def _complain(message: str) -> None:
    if message:
        print(f"oracle: {' '.join(message.split())}", file=sys.stderr)


def _show_warning(message: Warning | str, *where: object, **options: object) -> None:
    _complain(f"warning: {message}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(argument: str, text: str, kind: type[Number]) -> list[Number]:
    try:
        return [kind(number) for number in _names(text)]
    except ValueError:
        kinds = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{argument} must be {kinds}, comma-separated, got {text!r}") from None


def _metrics(text: str | None) -> tuple[Sequence[str], Sequence[str]]:
    """Tell which metrics to compute and which to print."""
    if text is None:
        return METRICS, SHOWN
    names = metrics_named(_names(text))
    return names, names


def _methods(text: str | None) -> list[str]:
    names = list(METHODS) if text is None else _names(text)
    return [method.name for method in methods_named(names)]


def _stft(n_fft: int, hop: int | None, window: str) -> STFT:
    return STFT(n_fft=n_fft, hop_length=max(n_fft // 2, 1) if hop is None else hop, window=window)


def _dataset(
    name: str,
    root: Path | None,
    subset: Literal["train", "valid", "test"] | None,
    split: Literal["train", "valid"] | None,
    download: bool,
) -> datasets.Dataset | Track:
    if name == "musdb18":
        if subset == "test" and split is not None:
            raise typer.BadParameter("--split goes with --subset train, got --subset test")
        if subset == "valid":
            raise typer.BadParameter("musdb18 has its validation part as --split valid")
        return datasets.musdb18(root, subset=subset, split=split, download=download)
    if root or split or download:
        raise typer.BadParameter(
            f"--root, --split and --download go with the dataset musdb18, got {name}"
        )
    if name == "waltz":
        if subset:
            raise typer.BadParameter("--subset goes with musdb18 and folders, got waltz")
        return datasets.waltz()
    if not name:
        raise typer.BadParameter("dataset must not be empty, got ''")
    if not Path(name).is_dir():
        raise FileNotFoundError(f"dataset must be waltz, musdb18 or a folder, got {name!r}")
    return datasets.folder(name, subset=subset)


def _waltz_or_stems(root: Path | None, download: bool, stems: Path | None) -> Track:
    if stems is not None:
        found = datasets.folder(stems)
        if len(found) > 1:
            some = ", ".join(found.track_names[:3]) + (", ..." if len(found) > 3 else "")
            raise ValueError(
                f"stems must be the folder of one track, got {stems} with {len(found)}: {some}"
            )
        return found[0]
    if root is not None or download:
        return published_track(root, download=download)
    return datasets.waltz()


def _report(
    compute: Callable[[], "DataFrame"],
    layout: Layout,
    metrics: Sequence[str],
    made_by: str,
    out: Path | None,
) -> None:
    """Compute a table and print it, also if tracks failed."""
    failed: TracksFailed | None = None
    table: DataFrame | None
    try:
        table = compute()
    except TracksFailed as error:
        failed, table = error, error.table
    if table is not None and not table.empty:
        _print_bounds(table, layout, metrics, made_by)
    if out is not None:
        print(f"Written to {out}")
    if failed is not None:
        raise failed


def _print_bounds(table: "DataFrame", layout: Layout, metrics: Sequence[str], made_by: str) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    n_tracks = int(table["n_tracks"].max())
    for shown in layout(table, metrics, n_tracks):
        print_whole(console, shown)
    tracks = "1 track" if n_tracks == 1 else f"{n_tracks} tracks"
    subsets = table.attrs.get("subsets", {})
    if len(subsets) > 1:
        tracks += f" ({', '.join(f'{count} {name}' for name, count in subsets.items())})"
    console.print(f"{made_by} {tracks}" + (": median / mean over tracks." if n_tracks > 1 else "."))
    for names, what in (
        (MUSEVAL, "museval v4"),
        (REGULARIZED, "with regularized filters, not museval's"),
    ):
        framewise = [metric for metric in metrics if metric in names]
        if framewise:
            console.print(
                f"{', '.join(framewise)}: {what}, median over windows of {WINDOW:g} s; "
                "NaN: windows in which a source or estimate is silent."
            )
    methods = set(table["method"])
    if "CIRM" in methods and layout is not _one_table:
        console.print("CIRM is exact up to rounding: no bound.")
    if CEILING.name in methods:
        console.print(
            "CEILING: no mask in [0, 1] at its STFT exceeds it; of SDR, in each window. PSM, CIRM "
            "and MWF are no such masks; nor are sums of masks, hence accompaniments, that exceed 1 "
            "(IBM1, IBM2, IAM, TPSM, OBM)."
        )
    if {"OPT", CEILING.name} <= methods and "SDR" in metrics:
        console.print(
            "OPT is one mask for the whole track, CEILING has one for each window: the best "
            "median SDR of one mask, over the same windows, lies between them."
        )
    summed = table.attrs.get("mixture_is_sum", [])
    if summed and layout is not _one_table:  # other systems have had a mixture of their own
        where = "" if n_tracks == 1 else f", in {len(summed)} of {tracks}"
        console.print(f"Mixture: the sum of the sources, as none was delivered{where}.")


def _table_each(bounds: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out a table a metric, a row a method."""
    for metric in metrics:
        of_metric = bounds[bounds["metric"] == metric]
        if not of_metric.empty:  # CEILING has SDR and uSDR alone
            methods = of_metric["method"].unique()
            yield _table(f"{metric} in dB", "method", of_metric, methods, n_tracks)


def _table_a_target(sweep: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out a table a metric and target, a row an STFT, a column a method."""
    for metric in metrics:
        of_metric = sweep[sweep["metric"] == metric]
        for target in of_metric["target"].unique():
            shown = of_metric[of_metric["target"] == target]
            count = shown["n_tracks"].max()
            tracks = "" if count == n_tracks else f" ({count} tracks)"
            table = Table(
                title=f"{target}: {metric} in dB{tracks}",
                title_justify="left",
                box=box.SIMPLE,
                pad_edge=False,
            )
            for heading in ("window", "overlap", *shown["method"].unique()):
                table.add_column(heading, justify="right", no_wrap=True)
            for (overlap, n_fft), rows in shown.groupby(["overlap", "n_fft"], sort=False):
                cells = [_cell(row, n_tracks) for _, row in rows.iterrows()]
                table.add_row(str(n_fft), f"{100 * overlap:g} %", *cells)
            yield table


def _one_table(bounds: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out one table of one method, a row a metric."""
    shown = bounds[bounds["metric"].isin(metrics)]
    yield _table(f"{shown['method'].iloc[0]}, in dB", "metric", shown, metrics, n_tracks)


def _table(title: str, key: str, bounds: "DataFrame", rows: Iterable[str], n_tracks: int) -> Table:
    """Lay out bounds, a column a target."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column(key)
    targets = bounds.groupby("target", sort=False)["n_tracks"].max()
    for target, count in targets.items():
        # Not every track has every target.
        name = str(target) if count == n_tracks else f"{target} ({count})"
        table.add_column(name, justify="right", no_wrap=True)
    windows = bounds["metric"].isin(FRAMEWISE).any()
    if windows:
        table.add_column("windows", justify="right")
        table.add_column("NaN", justify="right")
    for row in rows:
        of_row = bounds[bounds[key] == row]
        by_target = of_row.set_index("target")
        cells = [
            _cell(by_target.loc[target], n_tracks) if target in by_target.index else ""
            for target in targets.index
        ]
        if windows and of_row["metric"].isin(FRAMEWISE).any():
            cells += [str(of_row["n_windows"].max()), str(of_row["n_nan"].max())]
        table.add_row(row, *cells)
    return table


def _cell(bound: "Series", n_tracks: int) -> str:
    values = [bound["median"], bound["mean"]][: 1 if n_tracks == 1 else 2]
    return " / ".join("nan" if math.isnan(value) else f"{value:.2f}" for value in values)
