"""Jobs: what there is to do with tracks, each a run with its own work."""
