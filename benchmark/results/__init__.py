"""What came of it: records of cells, statistics over them, boards."""
