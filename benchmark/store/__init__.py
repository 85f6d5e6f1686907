"""What is on disk: finished stages, unfinished ones, failures, and the locks that guard them."""
