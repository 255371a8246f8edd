"""STFT: windows of a signal, cut out of it, transformed, and added up again."""

from oracle.stft.transform import STFT

__all__ = ["STFT"]
