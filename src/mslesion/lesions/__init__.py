"""The lesion detector: from a scan to the probability of lesion in each of its voxels."""
