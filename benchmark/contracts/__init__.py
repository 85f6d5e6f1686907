"""What the harness asks of a plugin, and what it gives to one."""
