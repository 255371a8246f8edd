"""The waltz report as it is printed: its tables, and what they mean."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from oracle.displays.pages import Grid
from oracle.report.masked_track import REST, MaskedTrack
from oracle.report.published import (
    MISCOMPUTED,
    NORMS,
    PUBLISHED_NORMS,
    PUBLISHED_SCORES,
    SCORES,
    WALTZ,
    tabulate,
)
from oracle.report.tables import add_mean

if TYPE_CHECKING:
    from pandas import DataFrame

PREVIEW = "the 7 s excerpt in MUSDB18's preview"


def lay_out(
    report: MaskedTrack,
    *,
    scores: "DataFrame",
    norms: "DataFrame",
    findings: "DataFrame",
    degradations: "DataFrame",
) -> Iterator[Grid | str]:
    """Lay out the tables of a report, beside the published figures if the track is the same."""
    yield (
        f"{report.name}: {', '.join(report.targets)}; {report.duration:.2f} s, mixed to mono.\n"
        "Mask: IAM, |S_j| / max(|X|, |S_j|). STFT: "
        f"{report.stft.window} window of {report.stft.n_fft} samples, "
        f"hop {report.stft.hop_length}."
    )
    if not report.is_as_published:
        what = "another excerpt" if report.name == WALTZ else "another track"
        if report.is_as_long_as_published:
            what += " (by its name)"
        yield (
            f"\nThese numbers are of {what}; the published ones are of {WALTZ}, {PREVIEW}. To "
            "reproduce those, run 'oracle waltz' with '--download' or '--root', or with '--stems' "
            "and a folder of that name."
        )
    if REST in report.sources:
        yield (
            "\nThe mixture holds more than these sources. The rest counts as one more source. "
            "SI-SIR and SI-SAR depend on how the others are divided, so do not compare them with "
            "those of a full set of stems."
        )
    yield from _lay_out_scores(report, scores)
    yield from _lay_out_norms(report, norms)
    yield _grid("What the residuals consist of", findings.T.rename_axis(""), ".4g")
    yield (
        "Contested bins: those where the other sources together are louder than the source, or at "
        "most 10 dB weaker. Error due to phase: exact, bin by bin. SNR of true magnitudes: that of "
        "a source with every magnitude right and the phase of the mixture. Coherences: weighted "
        "by power. p-value: of the hypothesis that the residuals are white noise (Ljung-Box)."
    )
    yield from _lay_out_degradations(degradations)


def _lay_out_scores(report: MaskedTrack, scores: "DataFrame") -> Iterator[Grid | str]:
    columns = [MISCOMPUTED if name == "SD-SDR" else name for name in SCORES]
    table, rows = scores[[*columns, "SD-SDR", "alpha"]], None
    if report.is_as_published:
        theirs = tabulate(PUBLISHED_SCORES, columns)
        if set(report.targets) == set(theirs.index):
            theirs = add_mean(theirs)
        partial = REST in report.sources
        rows = _beside(table, theirs, not_comparable=("SI-SIR", "SI-SAR") if partial else ())
    # As many digits as published, or as are readable.
    yield _grid("Scores in dB", table, ".6f" if report.is_as_published else ".3f", rows)
    name = report.targets[0]
    snr, alpha, right, wrong = (
        float(scores[column][name]) for column in ("SNR", "alpha", "SD-SDR", MISCOMPUTED)
    )
    yield (
        "SD-SDR is SNR + 10 log10(alpha^2) (Le Roux et al. 2019), where alpha is the gain at which "
        "the source is nearest to the estimate. The published report added log10(alpha^2), shown "
        f"as '{MISCOMPUTED}'; 'SD-SDR' is right. Here, {name}: alpha = {alpha:.4f}, "
        f"{snr:.3f} + 10 log10({alpha**2:.4f}) = {right:.3f}, not {wrong:.3f}."
    )
    snr, srr, wrong = (
        PUBLISHED_SCORES["drums"][SCORES.index(metric)] for metric in ("SNR", "SRR", "SD-SDR")
    )
    alpha = 1 / (1 + 10 ** (-srr / 20))
    yield (
        f"In the published table, drums: alpha = {alpha:.4f} from SRR, so SD-SDR is "
        f"{snr + 20 * math.log10(alpha):.3f}, not {wrong:.3f}."
    )
    if report.is_as_published:
        yield (
            f"The published figures are of {PREVIEW}. Large differences mean that this is another "
            "part of the song, or that it was decoded differently."
        )


def _lay_out_norms(report: MaskedTrack, norms: "DataFrame") -> Iterator[Grid | str]:
    table, rows = norms.T.rename_axis(""), None
    if report.is_as_published:
        rows = _beside(table, tabulate(PUBLISHED_NORMS, NORMS).T)
    yield _grid("Norms of the residuals", table, ".6g", rows)
    yield (
        "L1 is the mean magnitude and L2 the mean square of the residuals: of the waveform, of the "
        "STFT, and of the STFT's magnitudes. The published report's MSE and l1 are the mean square "
        "and the mean of the squared magnitude residuals."
    )


def _lay_out_degradations(scores: "DataFrame") -> Iterator[Grid | str]:
    n_targets = scores["target"].nunique()
    means = scores.pivot_table(
        index=["degradation", "level"], columns="metric", values="score", sort=False, dropna=False
    )
    means.index = [f"{kind} {level:g} dB" for kind, level in means.index]
    yield _grid("Three ways to spoil a source: scores in dB", means, ".2f")
    what = "Scores of the source" if n_targets == 1 else f"Means over the {n_targets} sources"
    yield (
        f"{what}. Noise: white. Interference: the sum of the others. Levels are relative to the "
        "source's energy, for clipping to its peak. SDR, ISR, SIR, SAR: museval v4, median over "
        "windows of 1 s."
    )


# Numbers by row label; None for an empty cell.
Rows = Iterable[tuple[str, Sequence[float | None]]]


def _rows(table: "DataFrame") -> Iterator[tuple[str, list[float]]]:
    return zip(map(str, table.index), table.to_numpy().tolist(), strict=True)


def _beside(
    table: "DataFrame", theirs: "DataFrame", *, not_comparable: Collection[str] = ()
) -> Rows:
    """Add published figures, and the differences from them, below the rows of a table."""
    published_rows = dict(_rows(theirs))
    for name, ours in _rows(table):
        yield name, ours
        if name in published_rows:
            figures = dict(zip(theirs.columns, published_rows[name], strict=True))
            yield "  published", [figures.get(column) for column in table.columns]
            computed = dict(zip(table.columns, ours, strict=True))
            comparable = figures.keys() - not_comparable
            yield (
                "  difference",
                [
                    computed[column] - figures[column] if column in comparable else None
                    for column in table.columns
                ],
            )


def _grid(title: str, table: "DataFrame", shown: str, rows: Rows | None = None) -> Grid:
    """Lay out a table, or other rows under its columns, in a format such as ``.3f``."""
    key = "" if table.index.name is None else str(table.index.name)
    return Grid(
        title=title,
        header=[key, *map(str, table.columns)],
        rows=[
            [label, *("" if value is None else f"{value:{shown}}" for value in values)]
            for label, values in (_rows(table) if rows is None else rows)
        ],
    )
