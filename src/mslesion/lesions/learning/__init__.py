"""How the detector learns: volumes in, weights out. A detection needs nothing of this."""
