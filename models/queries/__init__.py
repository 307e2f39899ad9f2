"""Reads that need more than one select, and selects that several callers share."""
