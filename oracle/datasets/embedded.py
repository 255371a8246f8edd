"""The embedded waltz: a track that is always available."""

from importlib import resources

from oracle.datasets.track_files import read_track
from oracle.tracks.track import Track

STEMS = ("drums", "bass", "other", "vocals")


def waltz() -> Track:
    """Load the embedded waltz: the chorus of "Daisy Bell" by a small synthetic band.

    13 s, stereo, 44.1 kHz: drums, bass, other (accordion, piano, clarinet) and vocals.
    Harry Dacre's song of 1892 is in the public domain; the recording is CC0. See
    ``oracle/datasets/daisy_bell/CREDITS.md``.

    Returns
    -------
    track : Track
        Its mixture is the sum of its sources.

    Examples
    --------
    >>> waltz()
    <Track 'Daisy Bell': drums, bass, other, vocals; 2 channels, 13.09 s at 44100 Hz>
    """
    with resources.as_file(resources.files("oracle.datasets") / "daisy_bell") as folder:
        files = {name: [folder / f"{name}.flac"] for name in STEMS}
        return read_track(folder, "Daisy Bell", "test", None, files)
