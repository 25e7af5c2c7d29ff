"""Group Policy as files and attributes hold it. Knows neither Django nor the database."""
