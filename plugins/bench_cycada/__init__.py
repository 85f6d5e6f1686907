"""CyCADA: CycleGAN whose translations must be read like their originals (Hoffman et al. 2018, arXiv:1711.03213)."""
