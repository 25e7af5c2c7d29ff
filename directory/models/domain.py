"""Domains, the trusts between them, and their organizational units."""

from __future__ import annotations

from django.db import models

from directory.models.base import DirectoryObject

BLOCK_INHERITANCE = 1  # gPOptions, [MS-GPOL] 2.2.3
DOMAIN_NAMING_CONTEXT = 2  # systemFlags of a crossRef, [MS-ADTS] 6.1.1.2.1.1


class Domain(DirectoryObject):
    """A domain of Active Directory; its objectGUID is that of the domain's head."""

    dns_name = models.CharField(max_length=255)
    dns_name_folded = models.CharField(max_length=255, db_index=True)
    netbios_name = models.CharField(max_length=15)
    netbios_name_folded = models.CharField(max_length=15, db_index=True)
    sid = models.CharField(max_length=184, db_index=True)
    forest_dns_name = models.CharField(max_length=255, blank=True)
    functional_level = models.IntegerField(default=0, help_text="msDS-Behavior-Version")
    gp_options = models.IntegerField(default=0)
    gp_link = models.TextField(blank=True)
    lockout_duration = models.DurationField(
        null=True,
        blank=True,
        help_text="How long an account stays locked; empty: until someone unlocks it.",
    )
    synced_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last compared with the directory."
    )
    reads_permissions = models.BooleanField(
        default=False,
        help_text="The permissions of its computers are read: a trust is selective.",
    )

    class Meta:
        ordering = ("dns_name",)

    def __str__(self) -> str:
        return self.dns_name


class Trust(DirectoryObject):
    """A trust as this domain's trustedDomain object describes it ([MS-ADTS] 6.1.6.7)."""

    class Direction(models.IntegerChoices):
        DISABLED = 0, "disabled"
        INBOUND = 1, "inbound: the partner trusts this domain"
        OUTBOUND = 2, "outbound: this domain trusts the partner"
        BIDIRECTIONAL = 3, "both ways"

    class Type(models.IntegerChoices):
        DOWNLEVEL = 1, "Windows NT domain"
        UPLEVEL = 2, "Active Directory domain"
        MIT = 3, "Kerberos realm"
        DCE = 4, "DCE realm"
        AAD = 5, "Azure Active Directory"

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="trusts")
    partner_dns_name = models.CharField(max_length=255)
    partner_netbios_name = models.CharField(max_length=255, blank=True)
    partner_sid = models.CharField(max_length=184, blank=True)
    direction = models.IntegerField(choices=Direction.choices)
    type = models.IntegerField(choices=Type.choices)
    attributes = models.BigIntegerField(help_text="trustAttributes, a set of flags")
    encryption_types = models.BigIntegerField(
        null=True, blank=True, help_text="msDS-SupportedEncryptionTypes"
    )
    forest_names = models.JSONField(
        default=list,
        blank=True,
        help_text="msDS-TrustForestTrustInfo: the names of the partner's forest.",
    )
    forest_names_error = models.TextField(blank=True, help_text="Why those could not be read.")

    class Meta:
        ordering = ("partner_dns_name",)

    def __str__(self) -> str:
        return f"{self.domain.dns_name} - {self.partner_dns_name}"

    @property
    def trusts_partner(self) -> bool:
        """Accounts of the partner may be let in here."""
        return bool(self.direction & self.Direction.OUTBOUND)


class OrganizationalUnit(DirectoryObject):
    """An organizational unit; Group Policy is linked to these and to the domain's head."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="units")
    parent = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children"
    )
    name = models.CharField(max_length=255)
    gp_options = models.IntegerField(default=0)
    gp_link = models.TextField(blank=True)

    class Meta:
        ordering = ("distinguished_name",)

    def __str__(self) -> str:
        return f"OU={self.name}"

    @property
    def blocks_inheritance(self) -> bool:
        return bool(self.gp_options & BLOCK_INHERITANCE)


class ForestObject(DirectoryObject):
    """An object of a forest's configuration, the same in each of its domains."""

    forest_dns_name = models.CharField(max_length=255, db_index=True)

    class Meta:
        abstract = True


class CrossRef(ForestObject):
    """What the forest says of one of its naming contexts, or of one outside it.

    The tree of domains is in ``trust_parent_guid`` (the domain above) and ``root_trust_guid`` (for
    the head of another tree), [MS-ADTS] 6.1.1.2.1.1.
    """

    name = models.CharField(max_length=255)
    naming_context = models.TextField()
    dns_root = models.CharField(max_length=255, blank=True)
    netbios_name = models.CharField(max_length=255, blank=True)
    system_flags = models.BigIntegerField(default=0)
    trust_parent_guid = models.UUIDField(null=True, blank=True)
    root_trust_guid = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.dns_root or self.name

    @property
    def is_domain(self) -> bool:
        return bool(self.system_flags & DOMAIN_NAMING_CONTEXT)


class Site(ForestObject):
    """A site; Group Policy linked to it comes before that of the domain."""

    name = models.CharField(max_length=255)
    name_folded = models.CharField(max_length=255, db_index=True)
    gp_options = models.IntegerField(default=0)
    gp_link = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Subnet(ForestObject):
    """A network in CIDR form, and the site that its addresses belong to."""

    name = models.CharField(max_length=64)
    site_guid = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
