"""One decision, all computers for one expert, and all pairs, at the size of a large directory."""
