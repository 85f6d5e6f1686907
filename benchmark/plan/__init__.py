"""The stages and cells of a matrix, each stage named by a hash of its content."""
