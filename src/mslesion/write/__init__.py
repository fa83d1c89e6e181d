"""Files out, whole or not at all."""
