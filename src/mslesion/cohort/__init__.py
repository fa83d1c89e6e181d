"""Who is in a study, and how they are divided into training, validation and test."""
