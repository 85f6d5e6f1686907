"""CycleGAN: unpaired translation that must find its way back (Zhu et al. 2017, arXiv:1703.10593)."""
