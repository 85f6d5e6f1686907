"""U-GAT-IT: unpaired translation that looks where the domains differ (Kim et al. 2020, arXiv:1907.10830)."""
