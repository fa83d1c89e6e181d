"""The work of each command; :mod:`mslesion.pipeline` has the overview."""
