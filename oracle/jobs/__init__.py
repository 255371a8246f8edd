"""Jobs: what can be done with tracks; each job is a run."""
