"""A training loop shared by everything shipped that learns by gradient descent."""
