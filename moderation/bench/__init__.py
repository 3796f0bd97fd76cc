"""`moderation bench`: peers side by side on the same texts in one run. `benchmarks/README.md` says how to read it."""
