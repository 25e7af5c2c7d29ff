"""Reading Active Directory over LDAP. Knows neither Django nor the database."""

from __future__ import annotations

from directory.ldap.settings import DirectoryConnectionSettings

__all__ = ["DirectoryConnectionSettings"]
