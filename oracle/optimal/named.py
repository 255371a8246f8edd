"""Named classes of masks, and the systems that predict such masks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.optimal.classes import MaskClass
from oracle.stft import STFT

# Masks in [0, 1]: their best masks and ceiling are called plain OPT and CEILING.
REAL = "REAL"


@dataclass(frozen=True, kw_only=True)
class NamedClass:
    """A named class of masks, and the systems that it bounds.

    Parameters
    ----------
    name : str
        The suffix of OPT and CEILING; REAL has none.
    formula : str
        The class in one line.
    systems : str
        The systems that predict such masks.
    at : callable
        ``(stft, rate) -> masks``: the class for an STFT.
    binary : bool, optional
        Whether the best masks are rounded. The ceiling holds for rounded masks too, but they
        seldom come close to it.
    tied : bool, optional
        Whether channels or bins share a value, so that few masks in [0, 1] are of the class.
    """

    name: str
    formula: str
    systems: str
    at: Callable[[STFT, int], MaskClass]
    binary: bool = False
    tied: bool = False

    @property
    def method(self) -> str:
        """The method name of the best masks found."""
        return "OPT" if self.name == REAL else f"OPT-{self.name}"

    @property
    def ceiling(self) -> str:
        """The name, in tables of bounds, of the score that no mask exceeds."""
        return "CEILING" if self.name == REAL else f"CEILING-{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes find it by name: its functions have none.
        return _find_class, (self.name,)


def _find_class(name: str) -> NamedClass:
    return CLASSES[name]


def make_bands(edges: npt.ArrayLike, stft: STFT, rate: int) -> tuple[int, ...]:
    """Find the first bin of each band; a bin belongs to the band that contains its frequency.

    Parameters
    ----------
    edges : sequence of float
        Boundaries between bands in Hz, ascending. The first band starts at 0, the last ends at
        the highest frequency.
    stft : STFT
        The transform.
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    bands : tuple of int
        Bands that would contain no bin are left out.
    """
    bins = np.ceil(np.asarray(edges) * stft.n_fft / rate).astype(int)
    return tuple(sorted({0, *(int(each) for each in bins if 0 < each < stft.n_freqs)}))


def mel_edges(n_bands: int, rate: int) -> npt.NDArray[np.float64]:
    """Compute the edges, in Hz, that split 0 to rate / 2 into bands of equal width in mel.

    The mel scale is 2595 log10(1 + f / 700 Hz) (O'Shaughnessy 1987; HTK).
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    return np.asarray(700 * (10 ** (np.linspace(0, top, n_bands + 1)[1:-1] / 2595) - 1))


# Zwicker's critical bands (Zwicker 1961), in Hz.
BARK_EDGES = (
    100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
    4400, 5300, 6400, 7700, 9500, 12000, 15500,
)  # fmt: skip

# The bands of Band-Split RNN for vocals ("V7": Luo & Yu 2023): 10 of 100 Hz, 12 of 250 Hz up to
# 4 kHz, 8 of 500 Hz up to 8 kHz, 8 of 1 kHz up to 16 kHz, 2 of 2 kHz up to 20 kHz, and the rest.
BAND_SPLIT_EDGES = (
    *range(100, 1000, 100),
    *range(1000, 4000, 250),
    *range(4000, 8000, 500),
    *range(8000, 16000, 1000),
    *range(16000, 20001, 2000),
)

_ALL = (
    NamedClass(
        name=REAL,
        formula="0 <= m <= 1",
        systems="sigmoid masks, Spleeter, most speech separators",
        at=lambda stft, rate: MaskClass(),
    ),
    NamedClass(
        name="RELU2",
        formula="0 <= m <= 2",
        systems="ReLU masks that are clipped at 2",
        at=lambda stft, rate: MaskClass(maximum=2.0),
    ),
    NamedClass(
        name="COMPLEX",
        formula="m complex, |m| <= 1",
        systems="tanh-bounded complex masks: DCCRN-E and relatives",
        at=lambda stft, rate: MaskClass(complex_valued=True),
    ),
    NamedClass(
        name="SHARED",
        formula="0 <= m <= 1, one for all channels",
        systems="mono networks applied to stereo",
        at=lambda stft, rate: MaskClass(shared=True),
        tied=True,
    ),
    NamedClass(
        name="BINARY",
        formula="m = 0 or 1",
        systems="clustering and spatial methods",
        at=lambda stft, rate: MaskClass(),
        binary=True,
    ),
    NamedClass(
        name="MEL64",
        formula="0 <= m <= 1, one for each of 64 bands of equal width in mel",
        systems="systems that predict a mask a mel band",
        at=lambda stft, rate: MaskClass(bands=make_bands(mel_edges(64, rate), stft, rate)),
        tied=True,
    ),
    NamedClass(
        name="BARK",
        formula="0 <= m <= 1, one for each of the 25 critical bands",
        systems="systems that predict a mask a critical band",
        at=lambda stft, rate: MaskClass(bands=make_bands(BARK_EDGES, stft, rate)),
        tied=True,
    ),
    NamedClass(
        name="BANDSPLIT",
        formula="0 <= m <= 1, one for each band of Band-Split RNN",
        systems="systems that predict a mask a band of a band-split front end",
        at=lambda stft, rate: MaskClass(bands=make_bands(BAND_SPLIT_EDGES, stft, rate)),
        tied=True,
    ),
)

CLASSES: dict[str, NamedClass] = {each.name: each for each in _ALL}


def find_classes(names: Iterable[str]) -> list[NamedClass]:
    """Look up classes of masks by name, ignoring case.

    Parameters
    ----------
    names : iterable of str
        Names in `CLASSES`.

    Raises
    ------
    ValueError
        If none is named, there is no such class, or one is named twice.
    """
    found: list[NamedClass] = []
    for name in names:
        masks = CLASSES.get(str(name).upper())
        if masks is None:
            near = get_close_matches(str(name).upper(), CLASSES, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"class must be one of {', '.join(CLASSES)}, got {name!r}{hint}")
        if masks in found:
            raise ValueError(f"classes must be named once each, got {name!r} twice")
        found.append(masks)
    if not found:
        raise ValueError("classes must name at least one class, got none")
    return found
