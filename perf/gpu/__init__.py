"""What is run on a machine with a GPU, where one can be had for minutes only: one script for each call."""
