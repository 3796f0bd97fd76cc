"""Runs: inputs, the run folder and its manifest, progress, publishing."""
