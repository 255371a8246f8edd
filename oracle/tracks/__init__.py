"""Tracks: a mixture and its true sources, and how they belong together."""
