"""What managers ask: plain functions over offers, the same for pages, exports and the API."""
