"""How fast bench is: scripts that measure it, with what they measured last."""
