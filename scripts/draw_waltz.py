"""Draw the picture of the README: ideal masks of the waltz, the best mask, and the ceiling.

    pip install '.[plots]' && python scripts/draw_waltz.py [--out FILE]

Computes the median SDR of every target of the embedded waltz, in seconds, and writes
oracle/guide/waltz.svg. A suffix other than .svg makes another kind of file: --out waltz.png.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import oracle
from oracle.plots import COLOURS

PICTURE = Path(__file__).parents[1] / "oracle" / "guide" / "waltz.svg"
TARGETS = ("vocals", "bass", "drums", "other", "accompaniment")

# Masks in [0, 1] alone: PSM, CIRM and MWF are none. MIX, the floor, is far to the left.
BINARY = ("IBM1", "IBM2", "IBM", "OBM")
RATIO = ("IRM1", "IRM2", "IAM", "TPSM")
BOUNDS = ("OPT", "CEILING")

BLUE, ORANGE, GREEN = COLOURS[:3]
INK, SHADE, RULE = "#1f2328", "#e6e8eb", "#d1d9e0"
DARK_GREEN, AMBER = "#00664a", "#8a5a00"  # of names: dots may be paler
LEFT, RIGHT = 6.2, 17.0  # dB
HALF_ROW = 0.38  # of the shaded part
LABEL_WIDTH = 0.15  # dB a character
# Where a name may stand, as the distance from its dot in rows, the nearest first.
LANES = (-0.22, 0.24, -0.38, 0.4)


def median_sdr() -> dict[str, dict[str, float]]:
    """Compute the median SDR of each target by each method."""
    table = oracle.compute_bounds(
        oracle.datasets.waltz(), methods=[*BINARY, *RATIO, *BOUNDS], metrics=["SDR"]
    ).table
    by_target = table.pivot(index="method", columns="target", values="median")
    return {
        target: {str(method): float(sdr) for method, sdr in by_target[target].items()}
        for target in TARGETS
    }


def draw_row(axes: Axes, place: int, sdr: Mapping[str, float]) -> None:
    """Draw the masks of one target, its best mask, and the part that no mask reaches."""
    ceiling = sdr["CEILING"]
    axes.fill_betweenx([place - HALF_ROW, place + HALF_ROW], ceiling, RIGHT, color=SHADE, lw=0)
    axes.plot([LEFT, ceiling], [place, place], color=RULE, lw=1, zorder=1)
    axes.vlines(ceiling, place - HALF_ROW, place + HALF_ROW, color=INK, lw=2.2)
    for names, colour, marker in ((BINARY, ORANGE, "s"), (RATIO, BLUE, "o")):
        axes.plot(
            [sdr[name] for name in names],
            [place] * len(names),
            marker,
            color=colour,
            ms=6.5,
            mec="white",
            mew=0.8,
            zorder=3,
        )
    axes.plot(sdr["OPT"], place, "D", color=GREEN, ms=8, mec="white", mew=0.8, zorder=4)
    put_names(axes, place, sdr)
    for name, colour, offset in (("OPT", DARK_GREEN, -0.13), ("CEILING", INK, 0.17)):
        axes.text(
            ceiling + 0.15,
            place + offset,
            f"{name} {sdr[name]:.1f}",
            va="center",
            fontsize=9,
            weight="bold",
            color=colour,
        )


def put_names(axes: Axes, place: int, sdr: Mapping[str, float]) -> None:
    """Write the names above and below the dots, so that none covers another."""
    ends = dict.fromkeys(LANES, LEFT - 1)
    for name in sorted((*BINARY, *RATIO), key=sdr.__getitem__):
        half = LABEL_WIDTH * len(name) / 2
        free = [lane for lane in LANES if ends[lane] <= sdr[name] - half]
        lane = free[0] if free else min(LANES, key=ends.__getitem__)
        ends[lane] = sdr[name] + half
        colour = AMBER if name in BINARY else BLUE
        where = (sdr[name], place + lane)
        axes.text(*where, name, fontsize=7.5, color=colour, ha="center", va="center")


def draw(sdr: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw all targets, one above the other."""
    figure = Figure(figsize=(8, 5.6), facecolor="white")
    title = "The embedded waltz: how well masks in [0, 1] separate it"
    figure.text(0.022, 0.945, title, fontsize=13, weight="bold")
    axes = figure.add_axes((0.172, 0.095, 0.813, 0.77))
    for place, target in enumerate(TARGETS):
        draw_row(axes, place, sdr[target])
    axes.set(
        xlim=(LEFT, RIGHT),
        ylim=(len(TARGETS) - 0.5, -0.5),
        xlabel="median SDR in dB (Hann STFT 2048/1024)",
    )
    axes.set_yticks(range(len(TARGETS)), TARGETS, fontsize=10.5)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.grid(axis="x", color=RULE, lw=0.5, alpha=0.6)
    axes.set_axisbelow(True)
    figure.legend(
        handles=[
            Line2D([], [], marker="s", color=ORANGE, ls="", label="ideal binary masks"),
            Line2D([], [], marker="o", color=BLUE, ls="", label="ideal ratio masks"),
            Line2D([], [], marker="D", color=GREEN, ls="", label="OPT: the best mask"),
            Patch(facecolor=SHADE, label="no mask reaches this"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, 0.935),
        ncols=4,
        frameon=False,
        fontsize=9.5,
        handletextpad=0.3,
        columnspacing=1.8,
    )
    return figure


def main() -> None:
    """Compute, draw and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=PICTURE)
    out = parser.parse_args().out
    # Equal numbers make equal files.
    with mpl.rc_context({"svg.hashsalt": "waltz", "svg.fonttype": "path", "text.color": INK}):
        figure = draw(median_sdr())
        figure.savefig(out, dpi=100, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
