"""Reading a directory at size: the whole, what changed, and a question about it; beside peers."""
