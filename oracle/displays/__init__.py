"""Displays: what results, tracks and datasets show of themselves in a terminal and a notebook."""
