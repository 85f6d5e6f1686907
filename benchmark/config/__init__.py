"""What is asked for: matrix files, budgets and the command line, resolved to plain values."""
