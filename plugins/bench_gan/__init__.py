"""Shared parts of adversarial translators: networks, losses, image pool, training pieces."""
