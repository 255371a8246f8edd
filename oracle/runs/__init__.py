"""Runs: many tracks worked on in parallel, in a folder that a later run can resume."""
