"""Augmented CycleGAN: several translations of one image, told apart by a latent (Almahairi et al. 2018)."""
