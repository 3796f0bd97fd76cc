"""Auditing published runs: samples, verdicts, estimates, reports, replay and verification."""
