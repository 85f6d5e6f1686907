"""Segmenters of mmsegmentation: DeepLabV3 and any of its configuration files."""
