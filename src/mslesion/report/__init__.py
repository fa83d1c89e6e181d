"""What a study found, as a page, figures and tables."""
