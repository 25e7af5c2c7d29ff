"""The site: settings, sign-in, roles, pages."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
