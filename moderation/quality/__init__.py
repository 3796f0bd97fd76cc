"""The gate: nothing is published unless Great Expectations accepts it."""
