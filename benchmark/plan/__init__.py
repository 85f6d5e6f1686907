"""What is to be done: the stages of a matrix, each named by its content."""
