"""The results folder on disk: finished and unfinished stages, failures, locks."""
