"""CycleGAN whose networks attend to far places: CycleGAN with the self-attention of SAGAN (arXiv:1805.08318)."""
