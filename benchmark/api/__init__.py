"""What a plugin author sees: the contracts, the hooks, image sets, and what a stage is given to work with."""
