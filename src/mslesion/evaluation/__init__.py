"""What is measured of predictions, with the intervals that belong to it."""
