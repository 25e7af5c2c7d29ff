"""Group Policy objects, where they are linked, and the helpers they list."""

from __future__ import annotations

from django.db import models

from directory.models.base import DirectoryObject
from directory.models.domain import Domain, OrganizationalUnit, Site
from directory.models.principals import Account, Group

USER_HALF_DISABLED = 1  # flags of a groupPolicyContainer, [MS-GPOL] 2.2.4
COMPUTER_HALF_DISABLED = 2


class GroupPolicy(DirectoryObject):
    """A Group Policy object and what it says about Remote Assistance.

    A value is None where the policy does not set it. Removing a value that an earlier policy set
    is a statement of its own (``offers_removed``, ``control_removed``).
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="policies")
    policy_guid = models.UUIDField(help_text="The GUID in its name")
    display_name = models.CharField(max_length=255)
    version = models.BigIntegerField(default=0, help_text="versionNumber")
    file_version = models.BigIntegerField(
        null=True, blank=True, help_text="Version in GPT.INI; empty: not read."
    )
    flags = models.IntegerField(default=0)
    functionality_version = models.IntegerField(
        null=True,
        blank=True,
        default=2,
        help_text="gPCFunctionalityVersion; Windows passes over all but 2. Empty: not shown.",
    )
    has_registry_extension = models.BooleanField(
        default=True,
        help_text="gPCMachineExtensionNames names what reads Registry.pol on the computer.",
    )
    file_system_path = models.TextField(blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    offers_allowed = models.BooleanField(null=True, blank=True)
    offers_removed = models.BooleanField(default=False)
    control_allowed = models.BooleanField(null=True, blank=True)
    control_removed = models.BooleanField(default=False)
    replaces_helpers = models.BooleanField(
        default=False, help_text="Its helper list replaces earlier ones."
    )
    has_soft_values = models.BooleanField(
        default=False, help_text="It sets something only where nothing is set."
    )
    removed_helpers = models.JSONField(default=list, blank=True)
    listed_helpers = models.JSONField(
        default=list, blank=True, help_text="Names and data of the values of its helper list."
    )
    other_settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Further values by name; null: it removes what an earlier policy set.",
    )
    firewall = models.JSONField(default=dict, blank=True, help_text="Firewall exceptions it makes.")

    wmi_filter = models.TextField(
        blank=True, db_default="", help_text="The filter's name, or its id."
    )
    wmi_filter_id = models.CharField(max_length=255, blank=True)
    is_security_filtered = models.BooleanField(
        null=True,
        blank=True,
        help_text="Not for every computer; None: unknown.",
    )
    security_descriptor = models.BinaryField(
        null=True, blank=True, help_text="Owner, group and DACL, as read."
    )
    read_error = models.TextField(blank=True, help_text="Why it was not read.")

    class Meta:
        ordering = ("display_name",)
        verbose_name_plural = "group policies"

    def __str__(self) -> str:
        return self.display_name

    @property
    def is_computer_half_disabled(self) -> bool:
        return bool(self.flags & COMPUTER_HALF_DISABLED)

    @property
    def computer_version(self) -> int:
        return self.version & 0xFFFF

    @property
    def is_replicated(self) -> bool:
        """Whether the files in SYSVOL are as new as the object in the directory."""
        return self.file_version is None or self.file_version == self.version


class WmiFilter(DirectoryObject):
    """A WMI filter: only the computer itself can tell whether it matches."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="wmi_filters")
    filter_id = models.CharField(max_length=255)
    name = models.TextField()
    query = models.TextField(blank=True, help_text="msWMI-Parm2")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class GroupPolicyLink(models.Model):
    """A policy linked to an organizational unit, the domain's head or a site.

    ``order`` is the link order an administrator sees: 1 has the last word in its container.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="links")
    ou = models.ForeignKey(
        OrganizationalUnit, on_delete=models.CASCADE, null=True, blank=True, related_name="links"
    )
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, null=True, blank=True, related_name="links"
    )
    policy = models.ForeignKey(
        GroupPolicy, on_delete=models.CASCADE, null=True, blank=True, related_name="links"
    )
    policy_distinguished_name = models.TextField()
    order = models.PositiveIntegerField()
    is_enforced = models.BooleanField(default=False)
    is_disabled = models.BooleanField(default=False)

    class Meta:
        ordering = ("order",)

    def __str__(self) -> str:
        return f"{self.policy_name} linked to {self.container_name}"

    @property
    def policy_name(self) -> str:
        return self.policy.display_name if self.policy else self.policy_distinguished_name

    @property
    def container_name(self) -> str:
        """Where it is linked, as a person would name it: ``OU=Winnipeg``, ``r2.local``."""
        if self.site:
            return f"site {self.site}"
        return str(self.ou) if self.ou else str(self.domain)


class HelperEntry(models.Model):
    """One line of a policy's helper list, and whom it names."""

    policy = models.ForeignKey(GroupPolicy, on_delete=models.CASCADE, related_name="helpers")
    position = models.PositiveIntegerField()
    text = models.TextField()
    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="helper_entries"
    )
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="helper_entries"
    )
    either = models.JSONField(
        default=list,
        blank=True,
        help_text="Kind, GUID, SID and name of whom it may name where no document decides it.",
    )
    former_guid = models.UUIDField(
        null=True, blank=True, help_text="Whom its name meant before it went over to another."
    )
    problem = models.TextField(
        blank=True, help_text="Why it names nobody, or what is wrong with whom it names."
    )

    class Meta:
        ordering = ("position",)
        verbose_name_plural = "helper entries"

    def __str__(self) -> str:
        return self.text


class SharedChange(models.Model):
    """A change of what many decisions share; written by triggers (``directory.kept``).

    Attributes:
        stamp: Chance: a number of a sequence could come again after a change that was taken back.
    """

    stamp = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.stamp)
