"""The shipped metrics: segmentation scores, SSIM, FID and KID, each a thin state around pure functions."""
