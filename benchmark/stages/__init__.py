"""What each kind of stage does with its inputs; the only place where plugins meet data."""
