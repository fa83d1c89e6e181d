"""Scans and cohorts in."""
