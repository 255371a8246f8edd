"""Names of stems: a mixture under another name is no source."""

import re
from collections.abc import Mapping
from pathlib import Path

from oracle.datasets.trees import MIXTURE

# What people call a mixture, once the name of the song is taken away.
MIXTURES = frozenset(
    {
        *("mixture", "mix", "mixdown", "mix down", "mixed", "mixes"),
        *("full mix", "fullmix", "final mix", "stereo mix", "main mix", "original mix"),
        *("master", "mastered", "full master", "final master", "stereo master", "mix master"),
        *("full song", "full track", "full band", "all stems"),
    }
)


def check_stem_names(path: Path, stems: Mapping[str, Path]) -> None:
    """Refuse a mixture under another name among the stems of a track.

    A name counts without the words that all names begin or end with: in ``My Song -
    mixture.wav`` beside ``My Song - vocals.wav``, as ``mixture``.

    Raises
    ------
    ValueError
        If there is one.
    """
    words = {name: _words(name) for name in stems if name != MIXTURE}
    before, after = _shared(words), _shared({n: w[::-1] for n, w in words.items()})
    for name, own in words.items():
        rest = own[before : len(own) - after] if before + after < len(own) else own
        if {" ".join(own), " ".join(rest)} & MIXTURES:
            file = stems[name]
            if MIXTURE in stems:
                raise ValueError(
                    f"{file} must not be among the sources if it is a mixture, got "
                    f"{stems[MIXTURE].name} as well: move it elsewhere"
                )
            raise ValueError(
                f"{file} must be called {MIXTURE}{file.suffix} if it is the mixture: "
                "rename it, or move it elsewhere"
            )


def _words(name: str) -> list[str]:
    """Split a name into words, in lower case; numbers that it begins with do not count."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", spaced.lower())
    while len(words) > 1 and words[0].isdigit():
        del words[0]
    return words


def _shared(words: Mapping[str, list[str]]) -> int:
    """Count the words that all begin with."""
    if len(words) < 2:
        return 0
    count = 0
    for column in zip(*words.values(), strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count
