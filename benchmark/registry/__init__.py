"""Who is there: every plugin and scenario by name, shipped or not."""
