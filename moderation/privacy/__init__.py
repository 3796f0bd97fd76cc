"""Privacy: authors dropped or hashed, personal data masked, before anything is written."""
