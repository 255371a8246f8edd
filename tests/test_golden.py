"""Published and peers' numbers, reproduced on one real track of MUSDB18."""

import json
from pathlib import Path

import numpy as np
import pytest

from oracle import Track, datasets, metrics, separate
from oracle.methods import separate_each
from oracle.scores import score_estimates

# museval's files hold five decimals; the rest is float32 against float64, and for MWF the level
# that its regularization is relative to. The README promises this.
FRAMEWISE_DB = 5e-5
USDR_DB = 1e-3

# Names of methods here, and of the files of museval's scores.
FILES = {name: name for name in ("IBM1", "IBM2", "IRM1", "IRM2", "MIX", "MWF")}
FILES["MWF-SISEC18"] = "MWF-sisec18"


@pytest.fixture(scope="module")
def rock(shared: Path, ffmpeg: str) -> Track:
    return datasets.musdb18(shared / "data" / "musdb18-7", subset="train")[0]


def musevals_sdr(shared: Path, name: str) -> dict[str, list[float]]:
    path = shared / "reference" / "museval-80s-rock" / f"{name}.json"
    return {
        target["name"]: [frame["metrics"]["SDR"] for frame in target["frames"]]
        for target in json.loads(path.read_text())["targets"]
    }


def test_sdr_of_every_window_of_every_target_equals_musevals(shared: Path, rock: Track) -> None:
    compared = 0
    for method, estimates in separate_each(rock, FILES):
        scores = score_estimates(rock.targets, estimates, rate=rock.rate)
        for target, expected in musevals_sdr(shared, FILES[method]).items():
            sdr = [s.score for s in scores if (s.target, s.metric) == (target, "SDR")]
            np.testing.assert_allclose(
                sdr, expected, rtol=0, atol=FRAMEWISE_DB, err_msg=f"{method}, {target}"
            )
            compared += len(sdr)
    assert compared == len(FILES) * 5 * 6


def test_sdr_of_musevals_own_regression_estimates(shared: Path, rock: Track) -> None:
    # numpy's legacy generator, and museval's (samples, channels), as its test suite has them.
    np.random.seed(0)  # noqa: NPY002
    targets = ("vocals", "accompaniment")
    estimates = np.stack([np.random.random(rock.mixture.T.shape).T for _ in targets])  # noqa: NPY002
    references = np.stack([rock.targets[target] for target in targets])
    sdr = metrics.framewise_sdr(references, estimates, window=rock.rate, hop=rock.rate)
    expected = musevals_sdr(shared, "random-seed0")
    for values, target in zip(sdr, targets, strict=True):
        np.testing.assert_allclose(values, expected[target], rtol=0, atol=FRAMEWISE_DB)


def test_usdr_of_irm2(rock: Track) -> None:
    estimates = separate(rock, "IRM2")
    names = ("vocals", "drums", "bass", "other")
    usdr = metrics.usdr(*(np.stack([each[n] for n in names]) for each in (rock.targets, estimates)))
    np.testing.assert_allclose(usdr, [13.9234, 11.094, 8.8908, 9.0752], rtol=0, atol=USDR_DB)
