"""Reads that are more than one select, and the selects that several callers share."""
