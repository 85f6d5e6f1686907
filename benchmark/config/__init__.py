"""The request of a user: matrix files, budgets and the command line, resolved to plain values."""
