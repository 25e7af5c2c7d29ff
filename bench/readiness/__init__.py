"""What the report on readiness and its table for a spreadsheet take."""
