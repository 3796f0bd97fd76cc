"""Text before the model: what is skipped, what is digested, how long text is cut into windows."""
