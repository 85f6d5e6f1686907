"""Records of cells, statistics over them, boards."""
