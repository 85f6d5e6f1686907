"""Plugins and scenarios by name, shipped or not."""
