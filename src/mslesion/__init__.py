"""Find multiple sclerosis lesions in brain MR images."""

__version__ = "0.1.0"
