"""Names of stems: a mixture under another name is not a source."""

import re
from collections.abc import Mapping
from pathlib import Path

from oracle.datasets.trees import MIXTURE, USUAL

# What people call a mixture, without the other words in the name.
MIXTURES = frozenset(
    {
        *("mixture", "mix", "mixdown", "mixed", "fullmix", "finalmix", "roughmix", "2mix"),
        *("master", "mastered", "premaster", "full song", "full track", "full band"),
        *("stereo out", "bounce", "all stems"),
    }
)

# The other words: versions, formats, and which mixture it is.
ASIDE = re.compile(
    r"v?\d+|\d+(?:bit|khz|k|b)|v\d+[a-z]?|copy|draft|demo|final|full|main|new|old|orig|original|"
    r"ref|reference|rough|stereo|flac|mp3|wav"
)


def check_stem_names(path: Path, stems: Mapping[str, Path]) -> None:
    """Refuse a mixture under another name among the stems of a track.

    Three kinds of words are ignored: those that all names begin or end with, those of the
    folder, and versions. ``My Song - mix v2.wav`` counts as ``mix`` beside ``My Song -
    vocals.wav``, or in a folder ``My Song``.

    Raises
    ------
    ValueError
        If there is one.
    """
    words = {name: _split_words(name) for name in stems if name != MIXTURE}
    before, after = _count_shared(words), _count_shared({n: w[::-1] for n, w in words.items()})
    of_folder = set(_split_words(path.resolve().name))
    for name, own in words.items():
        rest = own[before : len(own) - after] if before + after < len(own) else own
        forms = (own, rest, [word for word in own if word not in of_folder])
        if any(_is_mixture(form) for form in forms):
            file = stems[name]
            if MIXTURE in stems:
                raise ValueError(
                    f"{file} must not be among the sources if it is a mixture, got "
                    f"{stems[MIXTURE].name} as well: move it elsewhere"
                )
            raise ValueError(
                f"{file} must be called {MIXTURE}{file.suffix} if it is the mixture: rename it, "
                f"or move it elsewhere{_suggest_stems(words, before, after)}"
            )


def _suggest_stems(words: Mapping[str, list[str]], before: int, after: int) -> str:
    """Suggest names for stems that share words with the name of the mixture."""
    own = {name: " ".join(each[before : len(each) - after]) for name, each in words.items()}
    usual = [name for name, rest in own.items() if rest in USUAL]
    if before + after == 0 or not usual:
        return ""
    return f"; call stems after their sources ({own[usual[0]]}, not {usual[0]})"


def _is_mixture(words: list[str]) -> bool:
    told = [word for word in words if not ASIDE.fullmatch(word)]
    return bool({" ".join(words), " ".join(told)} & MIXTURES)


def _split_words(name: str) -> list[str]:
    """Split a name into lower-case words, without leading numbers."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", spaced.lower())
    while len(words) > 1 and words[0].isdigit():
        del words[0]
    return words


def _count_shared(words: Mapping[str, list[str]]) -> int:
    """Count the words that all names begin with."""
    if len(words) < 2:
        return 0
    count = 0
    for column in zip(*words.values(), strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count
