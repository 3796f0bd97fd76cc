"""Models: what a model folder holds, how it is found, checked and loaded."""
