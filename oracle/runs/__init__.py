"""Runs: many tracks worked on side by side, in a folder that goes on where it was left."""
