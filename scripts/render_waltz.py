"""Render the embedded test track, twelve bars of "Daisy Bell", from its score.

    python scripts/render_waltz.py [--out DIR]

The score, scripts/daisy_bell.toml, is played by FluidSynth (drums, bass and a small band) and
sung by eSpeak NG: every syllable is spoken, taken apart by the WORLD vocoder, stretched to the
length of its note, given the pitch of its note and put together again. The result is four
stereo FLAC files of 16 bits at 44.1 kHz, one per stem, all of the same length.

Everything random is seeded, so the same versions of the tools give the same samples; other
versions of the tools give another performance of the same score.

It needs, from the system:  apt install fluidsynth fluid-soundfont-gm espeak-ng
and from PyPI:              pip install numpy scipy soundfile mido pyworld "setuptools<81"
(pyworld 0.3.5 still imports pkg_resources, which newer releases of setuptools left out).
"""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pyworld
import soundfile
from mido import Message
from numpy.typing import NDArray
from scipy import signal

Array = NDArray[np.float64]
Table = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
SCORE = ROOT / "scripts" / "daisy_bell.toml"
OUT = ROOT / "oracle" / "datasets" / "daisy_bell"
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")

RATE = 44100  # of the files, in Hz
STEMS = ("drums", "bass", "other", "vocals")
SEED = 1892
DRUM_CHANNEL, VOLUME, PAN = 9, 7, 10  # fixed by General MIDI: a channel and two controllers

LOOSENESS = 0.006  # standard deviation of the players' timing, in seconds
BREATH = 0.03  # seconds between a note and the next
UNEVENNESS = 4.0  # standard deviation of the players' velocities, in MIDI units

FRAME = 0.005  # of the vocoder, in seconds
GLIDE = 0.06  # time the singer takes from one pitch to the next, in seconds
VIBRATO_RATE = 5.6  # Hz
VIBRATO_DEPTH = 22.0  # cents
VIBRATO_DELAY = 0.35  # seconds into the note
UNVOICED = 0.99  # mean aperiodicity from which a frame is all noise
SILENCE = 1e-16  # floor of the spectral envelope

COPIES = (  # of the voice: cents off pitch, seconds late, gains on the left and right
    (0.0, 0.0, (0.72, 0.68)),
    (-7.0, 0.013, (0.18, 0.04)),
    (+7.0, 0.019, (0.04, 0.18)),
)
EVENNESS = 0.7  # how far the syllables are brought to one loudness, from 0 to 1
ROOM_DECAY = 0.9  # seconds for the echo of the room to fall by 60 dB

LOWEST = 20.0  # Hz
FADE = 0.5  # seconds, at the very end


@dataclass(frozen=True)
class Note:
    """One key pressed for a while; times are in beats from the first bar."""

    start: float
    beats: float
    key: int
    velocity: int


@dataclass(frozen=True)
class Voice:
    """WORLD's three views of a stretch of singing, one row per frame."""

    f0: Array  # in Hz, 0 where unvoiced; of a single syllable only 1 or 0
    envelope: Array
    aperiodicity: Array


def key_of(name: str) -> int:
    """The MIDI key of a note name: C4 is 60."""
    match = re.fullmatch(r"([A-G])(#?)(\d)", name)
    if match is None:
        raise ValueError(f"not a note name: {name!r}")
    letter, sharp, octave = match.groups()
    return 12 * (int(octave) + 1) + (0, 2, 4, 5, 7, 9, 11)["CDEFGAB".index(letter)] + len(sharp)


def hertz(name: str) -> float:
    """The frequency of a note name in equal temperament, A4 being 440 Hz."""
    return 440.0 * math.exp2((key_of(name) - 69) / 12)


def seconds(score: Table) -> float:
    """The length of the track."""
    beats = len(score["bars"]) * score["beats_per_bar"]
    return float(score["lead_in"] + beats * 60 / score["tempo"] + score["tail"])


def notes_of(part: Table, score: Table) -> Iterator[Note]:
    """Read the bars of a part."""
    for bar, chord in enumerate(score["bars"]):
        text = part["bars"][bar]
        text = part.get("riffs", {}).get(text, text)
        names = {"root": score["chords"][chord]["root"], "chord": score["chords"][chord]["notes"]}
        beat = float(bar * score["beats_per_bar"])
        for token in text.split():
            together, _, beats = token.partition(":")
            for word in filter(lambda word: word != "-", together.split("+")):
                name, _, velocity = word.partition("@")
                for note in names.get(name, name).split("+"):
                    key = score["drums"].get(note) or key_of(note)
                    yield Note(beat, float(beats), key, int(velocity or part["velocity"]))
            beat += float(beats)


def midi_of(parts: list[Table], score: Table, rng: np.random.Generator) -> mido.MidiFile:
    """The parts of one stem as a MIDI file in which a tick is a millisecond."""
    midi = mido.MidiFile(ticks_per_beat=1000)
    for index, part in enumerate(parts):
        channel = DRUM_CHANNEL if part["stem"] == "drums" else index
        events = []
        for note in notes_of(part, score):
            start = score["lead_in"] + note.start * 60 / score["tempo"] + rng.normal(0, LOOSENESS)
            stop = start + note.beats * 60 / score["tempo"] - BREATH
            velocity = round(float(np.clip(note.velocity + rng.normal(0, UNEVENNESS), 1, 127)))
            events.append((round(1000 * start), "note_on", note.key, velocity))
            events.append((round(1000 * stop), "note_off", note.key, 0))
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
        track.append(Message("program_change", channel=channel, program=part["program"]))
        for control, value in ((VOLUME, part["volume"]), (PAN, part["pan"])):
            track.append(Message("control_change", channel=channel, control=control, value=value))
        now = 0
        for tick, kind, key, velocity in sorted(events):
            wait, now = tick - now, tick
            track.append(Message(kind, channel=channel, note=key, velocity=velocity, time=wait))
        midi.tracks.append(track)
    return midi


def play(midi: mido.MidiFile, soundfont: Path) -> Array:
    """Let FluidSynth play a MIDI file; the result is (samples, 2)."""
    with tempfile.TemporaryDirectory() as folder:
        score, wave = Path(folder, "stem.mid"), Path(folder, "stem.wav")
        midi.save(score)
        command = ["fluidsynth", "-niq", "-r", str(RATE), "-g", "0.4", "-C", "0", "-R", "0"]
        command += ["-O", "float", "-T", "wav", "-F", str(wave), str(soundfont), str(score)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        samples: Array = soundfile.read(wave, always_2d=True)[0]
    return samples


def speak(syllable: Table, voice: Table) -> tuple[Array, int]:
    """Let eSpeak NG say one syllable; the result is its samples and their rate."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder, "syllable.wav")
        command = ["espeak-ng", "-z", "-v", voice["language"], "-s", str(voice["speed"])]
        command += ["-p", str(voice["pitch"]), "-w", str(wave), f"[[{syllable['phonemes']}]]"]
        subprocess.run(command, check=True)
        samples, rate = soundfile.read(wave)
    return samples, rate


def stretched(syllable: Table, frames: int, voice: Table) -> Voice:
    """Analyse a syllable and stretch its held part so that the whole lasts so many frames."""
    samples, rate = speak(syllable, voice)
    f0, times = pyworld.harvest(samples, rate, f0_floor=60, f0_ceil=300, frame_period=1000 * FRAME)
    envelope = np.maximum(pyworld.cheaptrick(samples, f0, times, rate), SILENCE)
    aperiodicity = pyworld.d4c(samples, f0, times, rate)

    last = len(times) - 1
    begin, end = np.array(syllable["hold"]) / FRAME
    release = frames - (last - end)
    if release <= begin:
        raise ValueError(f"{syllable['text']!r} has more consonants than its note can hold")
    row = np.interp(np.arange(frames), [0, begin, release, frames], [0, begin, end, last])
    low = np.minimum(row.astype(int), last - 1)
    high = (row - low)[:, np.newaxis]  # the weight of the frame after
    loud = np.exp((1 - high) * np.log(envelope[low]) + high * np.log(envelope[low + 1]))
    noisy = (1 - high) * aperiodicity[low] + high * aperiodicity[low + 1]
    loud *= np.mean(loud[(row > begin) & (row < end)]) ** -EVENNESS
    return Voice(np.where(noisy.mean(axis=1) < UNVOICED, 1.0, 0.0), loud, noisy)


def contour(starts: Array, score: Table, frames: int) -> Array:
    """The pitch the singer aims at, in Hz per frame, voiced or not."""
    clock = np.arange(frames) * FRAME
    note = np.maximum(np.searchsorted(starts - GLIDE / 2, clock, side="right") - 1, 0)
    pitch = np.log2([hertz(syllable["pitch"]) for syllable in score["voice"]["syllables"]])[note]
    glide = signal.windows.hann(round(GLIDE / FRAME) + 1)  # of odd length, so that it is centred
    margin = len(glide) // 2
    pitch = np.convolve(np.pad(pitch, margin, "edge"), glide / glide.sum(), "valid")
    held = clock - starts[note] - VIBRATO_DELAY
    depth = VIBRATO_DEPTH / 1200 * np.clip(held / VIBRATO_DELAY, 0, 1)
    bent: Array = 2.0 ** (pitch + depth * np.sin(2 * np.pi * VIBRATO_RATE * held))
    return bent


def sing(score: Table) -> tuple[Voice, int]:
    """The whole melody as the vocoder sees it, and the vocoder's sample rate."""
    voice, beat = score["voice"], 60 / score["tempo"]
    syllables = voice["syllables"]
    rate = speak(syllables[0], voice)[1]
    frames = round(seconds(score) / FRAME)
    bins = pyworld.get_cheaptrick_fft_size(rate) // 2 + 1
    whole = Voice(np.zeros(frames), np.full((frames, bins), SILENCE), np.ones((frames, bins)))

    lengths = np.array([syllable["beats"] + syllable.get("rest", 0) for syllable in syllables])
    starts = score["lead_in"] + beat * np.cumsum(np.append(0, lengths))  # of the vowels
    mouths = starts - np.array([s["hold"][0] for s in syllables] + [0.0])  # of the consonants
    for index, syllable in enumerate(syllables):
        close = min(mouths[index + 1], starts[index] + beat * syllable["beats"])
        rows = slice(round(mouths[index] / FRAME), round(close / FRAME))
        part = stretched(syllable, rows.stop - rows.start, voice)
        whole.f0[rows] = part.f0
        whole.envelope[rows], whole.aperiodicity[rows] = part.envelope, part.aperiodicity
    whole.f0[:] *= contour(starts[:-1], score, frames)
    return whole, rate


def vocals(score: Table) -> Array:
    """The singer in the middle and a detuned copy to either side."""
    voice, rate = sing(score)
    stereo = np.zeros((round(seconds(score) * RATE), 2))
    for cents, delay, gains in COPIES:
        pitch = voice.f0 * 2.0 ** (cents / 1200)
        mono = pyworld.synthesize(pitch, voice.envelope, voice.aperiodicity, rate, 1000 * FRAME)
        mono = signal.resample_poly(mono, RATE, rate)
        late = round(delay * RATE)
        mono = np.pad(mono, (late, len(stereo)))[: len(stereo)]
        stereo += mono[:, np.newaxis] * gains
    return stereo


def in_room(samples: Array, level: float, rng: np.random.Generator) -> Array:
    """Add the echo of a room: noise that dies away, another for each ear and each player."""
    clock = np.arange(round(ROOM_DECAY * RATE))[:, np.newaxis] / RATE
    echo = rng.standard_normal((len(clock), 2)) * 10.0 ** (-3 * clock / ROOM_DECAY)
    echo /= np.sqrt(np.sum(echo**2, axis=0))
    return samples + level * signal.fftconvolve(samples, echo, axes=0)[: len(samples)]


def finished(samples: Array, level: float) -> Array:
    """Take out what is below hearing, fade the end out, set the RMS in dBFS."""
    rumble = signal.butter(2, LOWEST, "highpass", fs=RATE, output="sos")
    samples = signal.sosfiltfilt(rumble, samples, axis=0)
    fade = round(FADE * RATE)
    samples[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade))[:, np.newaxis] ** 2
    levelled: Array = samples * 10.0 ** (level / 20) / np.sqrt(np.mean(samples**2))
    return levelled


def render(score: Table, soundfont: Path) -> dict[str, Array]:
    """All the stems, balanced, with the peak of their sum where the score wants it."""
    rng = np.random.default_rng(SEED)
    length = round(seconds(score) * RATE)
    stems = {}
    for stem in STEMS:
        parts = [part for part in score["parts"] if part["stem"] == stem]
        sound = play(midi_of(parts, score, rng), soundfont) if parts else vocals(score)
        sound = np.pad(sound, ((0, max(0, length - len(sound))), (0, 0)))[:length]
        sound = in_room(sound, score["echoes"][stem], rng)
        stems[stem] = finished(sound, score["levels"][stem])
    peak = np.max(np.abs(sum(stems.values())))
    return {stem: sound * 10.0 ** (score["peak"] / 20) / peak for stem, sound in stems.items()}


def main() -> None:
    """Write the four files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the four FLAC files")
    parser.add_argument("--score", type=Path, default=SCORE, help="the score to play")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT, help="the band's instruments")
    arguments = parser.parse_args()
    score = tomllib.loads(arguments.score.read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for stem, sound in render(score, arguments.soundfont).items():
        path = arguments.out / f"{stem}.flac"
        integers = np.round(sound * 32768).astype(np.int16)
        soundfile.write(path, integers, RATE, subtype="PCM_16", compression_level=1.0)
        print(f"{path}: {len(sound) / RATE:.2f} s, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
