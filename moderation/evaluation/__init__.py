"""How good a model is: on labelled data, on functional cases of our own, and towards identities."""
