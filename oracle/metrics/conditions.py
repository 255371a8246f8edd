"""Conditioning: whether references are so nearly dependent that their filters are arbitrary."""

from collections.abc import Sequence

from oracle.metrics.projections import SINGULAR, Projection

# Above this condition number, ISR, SIR and SAR can be wrong in the third decimal.
ILL_CONDITIONED = 1e12


def describe_trouble(
    names: Sequence[str], own: Sequence[Projection], joint: Projection
) -> str | None:
    """Describe which references have nearly dependent delayed copies; None if none have.

    Parameters
    ----------
    names : sequence of str
        Names of the references.
    own : sequence of Projection
        The projection onto each reference.
    joint : Projection
        The projection onto all references together.
    """
    bad = {
        name: projection.condition
        for name, projection in zip(names, own, strict=True)
        if projection.condition > ILL_CONDITIONED
    }
    if not bad and joint.condition > ILL_CONDITIONED:
        shares = joint.find_weakest().reshape(len(own), -1).sum(axis=1)
        together = [name for name, share in zip(names, shares, strict=True) if share > 0.01]
        bad = {" with ".join(together): joint.condition}
    if not bad:
        return None
    named = ", ".join(
        f"{name} (condition number {'above ' if bad[name] >= SINGULAR else ''}"
        f"{min(bad[name], SINGULAR):.0e})"
        for name in bad
    )
    return (
        f"delayed copies of {named} are nearly linearly dependent. The audio may be low-passed and "
        "decoded to float, there twice, silent almost throughout, or hardly longer than the "
        "filters. All ratios but the SDR of v4 and of images are then partly arbitrary, "
        "museval's too: use ISR-reg, SIR-reg, SAR-reg or bss_eval_v4_regularized"
    )
