"""The engine: lists of texts to scores and spans. It knows no Spark."""
