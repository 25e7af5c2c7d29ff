"""The Django application that holds what Active Directory says."""

from __future__ import annotations

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
    label = "directory"
    verbose_name = "Active Directory"
    default_auto_field = "django.db.models.BigAutoField"
