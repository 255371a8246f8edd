"""Displays: how results, tracks and datasets look in a terminal and a notebook."""
