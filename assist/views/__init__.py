"""Pages: they translate and delegate; the rules live in the services."""
