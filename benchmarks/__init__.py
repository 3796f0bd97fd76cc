"""Peers side by side on the same texts in one run."""
