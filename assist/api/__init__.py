"""The REST door, ``/api/v1/``: shapes what comes in and goes out, and calls the services."""
