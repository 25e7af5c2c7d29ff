"""Settings of the peer: a Django project of one application, django-python3-ldap.

It reads the same accounts of the same directory into PostgreSQL as its documentation shows, over
LDAPS. How many it asks for at a time (30) and one query after the other are its own ways.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import dj_database_url

from lab import world

SECRET_KEY = "of-a-project-that-serves-nobody"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_python3_ldap"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

LDAP_AUTH_URL = [f"ldaps://{world.CONTROLLER_ADDRESS}:636"]
LDAP_AUTH_SEARCH_BASE = world.BASE_DN
LDAP_AUTH_OBJECT_CLASS = "user"
LDAP_AUTH_USER_FIELDS = {
    "username": "sAMAccountName",
    "first_name": "givenName",
    "last_name": "sn",
    "email": "mail",
}
LDAP_AUTH_CONNECTION_USERNAME = f"{world.DIRECTORY_ACCOUNT}@{world.DNS_NAME}"
LDAP_AUTH_CONNECTION_PASSWORD = world.DIRECTORY_ACCOUNT_PASSWORD
LDAP_AUTH_FORMAT_USERNAME = "bench.directory.peer.format_username"
LDAP_AUTH_FORMAT_SEARCH_FILTERS = "bench.directory.peer.format_search_filters"


def format_username(fields: Mapping[str, str]) -> str:
    return fields["username"]


def format_search_filters(fields: Mapping[str, str]) -> list[str]:
    """Accounts of people and services, which is what the product reads as accounts."""
    del fields
    return ["(objectCategory=person)", "(sAMAccountType=805306368)"]
