"""What masking leaves behind: residuals and their norms, phase errors, spectra, correlations.

References come first, estimates second. Signals have shape ``(..., n_samples)``; spectra, as
from `oracle.STFT`, which does not scale them, ``(..., n_freqs, n_frames)``. Leading dimensions
are kept, and everything is computed in double precision.
"""

from oracle.residuals.correlograms import (
    Correlogram,
    Whiteness,
    autocorrelation,
    partial_autocorrelation,
    whiteness,
)
from oracle.residuals.differences import (
    Contested,
    Norms,
    contested_share,
    magnitude_residuals,
    norms,
    waveform_residuals,
)
from oracle.residuals.phase import phase_error, phase_share, with_phase_of
from oracle.residuals.spectra import (
    FrequencySeries,
    coherence,
    cross_coherence,
    cross_spectra,
    periodogram,
    smooth,
)

__all__ = [
    "Contested",
    "Correlogram",
    "FrequencySeries",
    "Norms",
    "Whiteness",
    "autocorrelation",
    "coherence",
    "contested_share",
    "cross_coherence",
    "cross_spectra",
    "magnitude_residuals",
    "norms",
    "partial_autocorrelation",
    "periodogram",
    "phase_error",
    "phase_share",
    "smooth",
    "waveform_residuals",
    "whiteness",
    "with_phase_of",
]
