"""Figures of results and residuals, drawn with matplotlib.

Install it with ``pip install 'oracle-masks[plots]'`` (in a clone: ``pip install '.[plots]'``).
Every function returns a `matplotlib.figure.Figure`; ``figure.savefig("masks.pdf")`` writes it.
New figures are as wide as a column of a paper, and their panels share axes and colour scale.
Given `axes`, a function draws on them instead and adds nothing else.
"""

from oracle.plots.box_plots import plot_boxes
from oracle.plots.captions import Captioned, write_figures
from oracle.plots.correlograms import plot_correlograms
from oracle.plots.frequency_series import (
    plot_coherence,
    plot_cross_spectra,
    plot_periodograms,
    plot_smoothed_periodograms,
)
from oracle.plots.panels import COLOURS, check_librosa, check_matplotlib, write_figure
from oracle.plots.scatters import plot_scores_against_bound
from oracle.plots.scores_over_time import plot_scores_over_time
from oracle.plots.sorted_distances import plot_sorted_distances
from oracle.plots.spectrograms import plot_masks, plot_residual_over_phase, plot_spectrograms
from oracle.plots.sweeps import plot_sweep
from oracle.plots.waveforms import plot_waveforms

__all__ = [
    "COLOURS",
    "Captioned",
    "check_librosa",
    "check_matplotlib",
    "plot_boxes",
    "plot_coherence",
    "plot_correlograms",
    "plot_cross_spectra",
    "plot_masks",
    "plot_periodograms",
    "plot_residual_over_phase",
    "plot_scores_against_bound",
    "plot_scores_over_time",
    "plot_smoothed_periodograms",
    "plot_sorted_distances",
    "plot_spectrograms",
    "plot_sweep",
    "plot_waveforms",
    "write_figure",
    "write_figures",
]
