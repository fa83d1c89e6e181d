"""Find multiple sclerosis lesions in brain MR images."""
