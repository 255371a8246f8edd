"""Published and peers' numbers, reproduced on one real track of MUSDB18."""

import json
from pathlib import Path

import numpy as np
import pytest

from oracle import STFT, Track, metrics, separate, wiener
from oracle.methods import separate_each
from oracle.metrics.names import MUSEVAL
from oracle.metrics.scorer import Scorer
from oracle.tracks.track import Audio, with_accompaniment

pytestmark = pytest.mark.peers

# museval's files hold five decimals; the rest is float32 against float64, which may flip a bin
# of a binary mask.
FRAMEWISE_DB = 2e-4
USDR_DB = 1e-3
# Of an independent derivation of the Wiener filter, in double precision.
USDR_OF_MWF_DB = 1e-4

NAMES = ("vocals", "drums", "bass", "other")

# Names of methods here, and of the files of museval's scores.
FILES = {name: name for name in ("IBM1", "IBM2", "IRM1", "IRM2", "MIX")}
FILES["MWF-SISEC18"] = "MWF-sisec18"


def musevals(shared: Path, name: str) -> dict[tuple[str, str], list[float]]:
    path = shared / "reference" / "museval-80s-rock" / f"{name}.json"
    return {
        (target["name"], metric): [frame["metrics"][metric] for frame in target["frames"]]
        for target in json.loads(path.read_text())["targets"]
        for metric in MUSEVAL
    }


def regularized(track: Track) -> dict[str, Audio]:
    """What SiSEC's code makes of MWF once its trace is right: it still adds an epsilon."""
    stft = STFT()
    names = list(track.sources)
    sources = stft.forward(np.stack([track.sources[name] for name in names]).astype(np.float64))
    mixture = stft.forward(track.mixture.astype(np.float64))
    epsilon = wiener.sisec18_regularization(track.n_channels, stft.window_samples.sum())
    spectra = wiener.multichannel_wiener_filter(sources, mixture, regularization=epsilon)
    estimates = stft.inverse(spectra, n_samples=track.n_samples)
    return with_accompaniment(dict(zip(names, estimates, strict=True)))


@pytest.mark.slow
def test_every_metric_of_every_window_of_every_target_equals_musevals(
    shared: Path, rock: Track
) -> None:
    scorer = Scorer(rock.targets, rate=rock.rate, metrics=MUSEVAL)
    assert scorer.trouble is None
    compared = 0
    separated = [(FILES[method], estimates) for method, estimates in separate_each(rock, FILES)]
    for file, estimates in [*separated, ("MWF", regularized(rock))]:
        scores = scorer.score(estimates)
        for (target, metric), expected in musevals(shared, file).items():
            ours = [s.score for s in scores if (s.target, s.metric) == (target, metric)]
            np.testing.assert_allclose(
                ours, expected, rtol=0, atol=FRAMEWISE_DB, err_msg=f"{file}, {target}, {metric}"
            )
            compared += len(ours)
    assert compared == (len(FILES) + 1) * 5 * 4 * 6


def test_every_metric_of_musevals_own_regression_estimates(shared: Path, rock: Track) -> None:
    # numpy's legacy generator, and museval's (samples, channels), as its test suite has them.
    np.random.seed(0)  # noqa: NPY002
    targets = ("vocals", "accompaniment")
    estimates = np.stack([np.random.random(rock.mixture.T.shape).T for _ in targets])  # noqa: NPY002
    references = np.stack([rock.targets[target] for target in targets])
    ratios = metrics.bss_eval_v4(references, estimates, window=rock.rate, hop=rock.rate)
    expected = musevals(shared, "random-seed0")
    for metric in MUSEVAL:
        for values, target in zip(getattr(ratios, metric.lower()), targets, strict=True):
            np.testing.assert_allclose(
                values, expected[target, metric], rtol=0, atol=FRAMEWISE_DB, err_msg=metric
            )


def usdr(track: Track, method: str) -> Audio:
    sides = (track.targets, separate(track, method))
    return metrics.usdr(*(np.stack([each[name] for name in NAMES]) for each in sides))


def test_usdr_of_irm2(rock: Track) -> None:
    expected = [13.9234, 11.094, 8.8908, 9.0752]
    np.testing.assert_allclose(usdr(rock, "IRM2"), expected, rtol=0, atol=USDR_DB)


def test_usdr_of_mwf_is_that_of_the_textbook_filter(rock: Track) -> None:
    expected = [13.83409, 11.02054, 8.85102, 8.97571]
    np.testing.assert_allclose(usdr(rock, "MWF"), expected, rtol=0, atol=USDR_OF_MWF_DB)
