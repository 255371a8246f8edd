"""The machine: its threads, its memory, its files, and the range of its floats."""
