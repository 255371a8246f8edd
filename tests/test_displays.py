"""What a terminal and a notebook show of results, tracks, datasets and figures."""

import base64
import copy
import io
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import broken, dataset_with

import oracle
from oracle import STFT, Results, Track, TracksFailed
from oracle.datasets.dataset import SHOWN, Dataset, Entry
from oracle.displays.pages import Grid, fold, page_html, page_text
from oracle.displays.players import EXCERPT, make_player
from oracle.plots.figures import ShownFigure
from oracle.results.spool import Spool
from oracle.tracks.track import Audio

RATE = 8000
SMALL = STFT(n_fft=256)
GRID = Grid(
    title="what & why",
    header=["method", "one", "two", "three"],
    rows=[["a<b", "1.00", "10.00", "100.00"], ["c", "2.00", "", "200.00"]],
)


def song(name: str = "song", seconds: float = 2.0, rate: int = RATE, n_channels: int = 2) -> Track:
    noise = np.random.default_rng(0).standard_normal((2, n_channels, round(seconds * rate)))
    drums, vocals = 0.1 * noise.astype(np.float32)
    return Track.from_sources(name, rate, {"drums": drums, "vocals": vocals})


@pytest.fixture(scope="module")
def results() -> Results:
    tracks = [song("first"), song("second")]
    return oracle.compute_bounds(tracks, methods=["MIX", "IRM2"], stft=SMALL)


# Pages


@pytest.mark.parametrize(
    ("width", "parts"),
    [
        (200, [["one", "two", "three"]]),
        (32, [["one", "two", "three"]]),
        (31, [["one", "two"], ["three"]]),
        (1, [["one"], ["two"], ["three"]]),
    ],
)
def test_a_grid_that_is_too_wide_is_folded(width: int, parts: list[list[str]]) -> None:
    folded = list(fold(GRID, width))
    assert [part.header for part in folded] == [["method", *part] for part in parts]
    rows = [[cell for part in folded for cell in part.rows[number][1:]] for number in range(2)]
    assert rows == [row[1:] for row in GRID.rows]
    assert all([row[0] for row in part.rows] == ["a<b", "c"] for part in folded)


@pytest.mark.parametrize("width", [31, 32])
def test_folded_tables_fit(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """As wide as the terminal, and as few as that allows."""
    monkeypatch.setenv("COLUMNS", str(width))
    text = page_text([GRID, "A note."])
    assert max(map(len, text.splitlines())) <= width
    assert text.count("method") == (2 if width == 31 else 1)
    assert text.count("what & why") == 1
    assert text.endswith("A note.")


def test_names_are_printed_as_they_are() -> None:
    grid = Grid("[bold]t[/bold]", ["key"], [["[red]x"], ["a:smile:b"]])
    text = page_text([grid, "[i]n"])
    assert all(name in text for name in ("[bold]t[/bold]", "[red]x", "a:smile:b", "[i]n"))


def test_a_notebook_has_whole_tables_and_no_tags_from_names() -> None:
    html = page_html([GRID, "a < b"])
    assert "what &amp; why" in html
    assert "a&lt;b" in html
    assert html.endswith("<p>a &lt; b</p>")
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == [
        *["a&lt;b", "1.00", "10.00", "100.00"],
        *["c", "2.00", "", "200.00"],
    ]


# Results


def test_results_print_their_tables_and_notes(results: Results) -> None:
    text = repr(results)
    assert str(results) == text
    titles = re.findall(r"^(\S+) in dB$", text, re.MULTILINE)
    assert titles == ["SDR", "ISR", "SIR", "SAR", "uSDR"]
    assert "STFT: hann window of 256 samples, hop 128. 2 tracks: median / mean" in text
    (median, mean) = results.table.query(
        "metric == 'uSDR' and method == 'IRM2' and target == 'vocals'"
    )[["median", "mean"]].iloc[0]
    assert f"{median:.2f} / {mean:.2f}" in text


def test_a_terminal_of_80_columns_has_every_column(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = repr(results)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text
    assert "…" not in text
    for column in ("drums", "vocals", "accompaniment", "windows", "NaN"):
        assert column in text


def test_a_notebook_shows_results_as_tables(results: Results) -> None:
    html = results._repr_html_()
    assert html.count("<table>") == 5
    assert "<b>SDR in dB</b>" in html


def test_results_can_be_copied_and_sent(results: Results) -> None:
    for other in (copy.copy(results), copy.deepcopy(results), pickle.loads(pickle.dumps(results))):
        pd.testing.assert_frame_equal(other.scores, results.scores)
        pd.testing.assert_frame_equal(other.table, results.table)
        assert repr(other) == repr(results)


def test_results_of_tracks_of_which_some_failed_say_so() -> None:
    dataset = dataset_with(("bad", "song"), [broken, song])
    with pytest.raises(TracksFailed) as caught:
        oracle.compute_bounds(dataset, methods=["MIX"], metrics=["uSDR"], stft=SMALL)
    found = caught.value.results
    assert found is not None
    assert repr(found).endswith("Not in these tables: 1 track failed")
    assert [failure.track for failure in found.failures] == ["bad"]
    assert found.tracks["name"].tolist() == ["song"]


def test_scores_wait_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracle.results.spool.IN_MEMORY", 1)
    spool = Spool()
    rows = [[("t", "test", "m", "a", "SDR", float(n), 1.0, n / 3)] for n in range(3)]
    for place in (2, 0, 1):  # as they are done
        spool.add(place, rows[place])
    assert spool.table()["score"].tolist() == [0, 1 / 3, 2 / 3]
    assert spool.table()["time"].tolist() == [0, 1, 2]


# Tracks and datasets


def heard(html: str) -> list[tuple[str, Audio, int]]:
    """What the players of a page play."""
    found = []
    for kind, data in re.findall(r'src="data:audio/(\w+);base64,([^"]*)"', html):
        audio, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), always_2d=True)
        found.append((kind, audio.T, rate))
    return found


def test_a_notebook_plays_a_track_and_shows_its_spectrogram() -> None:
    track = song("a & b")
    html = track._repr_html_()
    assert "a &amp; b" in html
    assert re.findall(r"<th>(.*?)</th>", html) == ["mixture", "drums", "vocals"]
    for (kind, audio, rate), true in zip(
        heard(html), [track.mixture, *track.sources.values()], strict=True
    ):
        assert (kind, rate) == ("mpeg", RATE)
        assert np.isclose(np.std(audio), np.std(true), rtol=0.1)  # coded with loss
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]*)"', html)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert "the first" not in html


@pytest.mark.parametrize(("rate", "n_channels"), [(RATE, 3), (7000, 2)])
def test_what_mp3_does_not_allow_is_played_as_wav(rate: int, n_channels: int) -> None:
    track = song(rate=rate, n_channels=n_channels)
    ((kind, audio, played),) = heard(make_player("x", track.mixture, rate))
    assert (kind, played) == ("wav", rate)
    np.testing.assert_allclose(audio, track.mixture, atol=2**-15)


def test_a_long_track_is_played_from_its_beginning() -> None:
    track = song(seconds=EXCERPT + 1, n_channels=1)
    assert "Listen: the first 10 s." in track._repr_html_()
    ((_, audio, _),) = heard(make_player("x", track.mixture, 7000))
    assert audio.shape[1] == EXCERPT * 7000


def test_what_would_clip_is_turned_down_and_says_so() -> None:
    audio = 2 * np.sin(np.arange(7000))[None]
    html = make_player("loud", audio, 7000)
    assert "loud (turned down by 6.0 dB)" in html
    ((_, played, _),) = heard(html)
    np.testing.assert_allclose(played, audio / 2, atol=1e-4)


def test_a_track_shows_itself_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    assert "pip install matplotlib" in song()._repr_html_()


def test_silence_and_a_few_samples_can_be_shown() -> None:
    silence = np.zeros((1, 10), np.float32)
    html = Track.from_sources("nothing", RATE, {"x": silence})._repr_html_()
    assert html.count("<audio") == 2


def test_a_notebook_lists_the_tracks_of_a_dataset() -> None:
    names = [f"t{number}" for number in range(SHOWN + 3)]
    dataset = Dataset("songs", tuple(Entry(name, "train", song) for name in names))
    html = dataset._repr_html_()
    assert f"songs: {len(names)} tracks ({len(names)} train)" in html
    assert names[SHOWN - 1] in html
    assert names[SHOWN] not in html
    assert "3 more: track_names lists all." in html
    assert "the first 2 s of each" in dataset.select(seconds=2)._repr_html_()


@pytest.mark.slow
def test_figures_show_themselves() -> None:
    figure = oracle.plots.plot_waveforms({"x": song().mixture[0]}, rate=RATE)
    assert isinstance(figure, ShownFigure)
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_notebook_shows_comparisons_and_reports(tmp_path: Path) -> None:
    for name in ("MIX", "IRM2"):
        oracle.compute_bounds([song()], methods=[name], stft=SMALL, out=tmp_path / name)
    comparison = oracle.compare([tmp_path / "MIX", tmp_path / "IRM2"])
    assert repr(comparison).startswith("SDR in dB")
    assert "<b>SDR in dB</b>" in comparison._repr_html_()
    report = oracle.WaltzReport(song(), stft=SMALL)
    assert "<b>Norms of the residuals</b>" in report._repr_html_()
