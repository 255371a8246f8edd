"""STFT: cut a signal into windowed frames, transform them, and overlap-add them again."""

from oracle.stft.transform import STFT

__all__ = ["STFT"]
