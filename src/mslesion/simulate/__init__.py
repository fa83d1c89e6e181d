"""A simulated cohort: people with FLAIR scans, lesions, and the masks of them."""
