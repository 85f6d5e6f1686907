"""Translators that change colours alone and learn nothing but statistics."""
