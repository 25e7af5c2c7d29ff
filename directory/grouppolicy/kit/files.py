"""The kit's files: a backup to import, a script, registry files, and steps for a person."""

from __future__ import annotations

import uuid
from datetime import datetime

from directory.grouppolicy.kit.backup import backup_files, machine_extensions, sysvol_files
from directory.grouppolicy.kit.beside import delegation_script, subscription
from directory.grouppolicy.kit.choice import KitChoice
from directory.grouppolicy.kit.instructions import instructions
from directory.grouppolicy.kit.registry_file import registry_file
from directory.grouppolicy.kit.script import policy_script
from directory.grouppolicy.kit.values import kit_values
from directory.grouppolicy.registry_pol import write_registry_policy

# PowerShell takes a script without this mark for one in the computer's old code page.
UTF_8 = "utf-8-sig"


def kit_files(choice: KitChoice, *, backup_id: uuid.UUID, now: datetime) -> dict[str, bytes]:
    """Every file of the kit by its path, with ``/`` between folders.

    Args:
        choice: What the policy shall say.
        backup_id: Names the backup, and the policy it is said to be of.
        now: An aware time: when the backup is said to be made.
    """
    values = kit_values(choice)
    policy = write_registry_policy(values)
    files = {
        "README.md": _windows_lines(instructions(choice)).encode("utf-8"),
        "Registry.pol": policy,
        "Policy.reg": registry_file(values),
        "New-Policy.ps1": _windows_lines(policy_script(choice, values)).encode(UTF_8),
        "beside/Subscription.xml": _windows_lines(subscription()).encode("utf-8"),
        "beside/Set-Delegation.ps1": _windows_lines(delegation_script()).encode(UTF_8),
    }
    backup = backup_files(
        choice.name,
        policy,
        extensions=machine_extensions(values),
        backup_id=backup_id,
        now=now,
    )
    files |= {f"backup/{path}": content for path, content in backup.items()}
    return files | {f"sysvol/{path}": content for path, content in sysvol_files(policy).items()}


def _windows_lines(text: str) -> str:
    return text.replace("\n", "\r\n")
