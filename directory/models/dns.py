"""What the zones that Active Directory keeps say of names and addresses."""

from __future__ import annotations

from django.db import models

from directory.models.base import DirectoryObject
from directory.models.domain import Domain


class DnsNode(DirectoryObject):
    """A name of an AD-integrated zone that has addresses."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="dns_nodes")
    name = models.CharField(max_length=255)
    name_folded = models.CharField(max_length=255, db_index=True)

    class Meta:
        ordering = ("name_folded",)

    def __str__(self) -> str:
        return self.name


class DnsAddress(models.Model):
    """One IPv4 or IPv6 address of a name."""

    node = models.ForeignKey(DnsNode, on_delete=models.CASCADE, related_name="addresses")
    address = models.CharField(max_length=45, db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("node", "address"), name="dns_address_once"),
        )

    def __str__(self) -> str:
        return self.address
