"""Dumps as they circulate into Parquet with one schema, every line accounted for. Knows no Spark and no model."""
