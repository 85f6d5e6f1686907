"""CUT and FastCUT: one-sided translation by patchwise contrast (Park et al. 2020, arXiv:2007.15651)."""
