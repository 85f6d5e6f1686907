"""pix2pix: translation learned from pairs of images (Isola et al. 2017, arXiv:1611.07004)."""
