"""Data sets shipped with bench: the procedural `streets` and the general `folder`."""
