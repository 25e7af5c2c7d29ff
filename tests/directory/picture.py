"""The whole picture of the directory as values that can be compared."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models

from directory.models import (
    DirectoryObject,
    DnsAddress,
    GroupPolicyLink,
    HelperEntry,
    Membership,
)

BOOKKEEPING = frozenset({"recorded_at", "recorded_run", "synced_at", "is_present"})
RELATIONS: tuple[type[models.Model], ...] = (
    Membership,
    DnsAddress,
    GroupPolicyLink,
    HelperEntry,
)

Picture = dict[str, dict[Any, dict[str, Any]]]


def picture() -> Picture:
    """Every present object by kind and GUID, with all columns but when it was recorded."""
    kept: Picture = {}
    for model in apps.get_app_config("directory").get_models():
        if issubclass(model, DirectoryObject):
            names = [
                field.attname
                for field in model._meta.concrete_fields
                if field.name not in BOOKKEEPING
            ]
            kept[model.__name__] = {
                values["guid"]: _comparable(values)
                for values in model._default_manager.filter(is_present=True).values(*names)
            }
    for relation in RELATIONS:
        names = [field.attname for field in relation._meta.concrete_fields if field.name != "id"]
        kept[relation.__name__] = {
            tuple(map(str, values)): {} for values in relation._default_manager.values_list(*names)
        }
    return kept


def _comparable(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in values.items()
    }


def differences(one: Picture, other: Picture) -> list[str]:
    """What the first picture has otherwise than the second, a line each."""
    found = []
    for kind in sorted(one.keys() | other.keys()):
        ours, theirs = one.get(kind, {}), other.get(kind, {})
        for key in sorted(ours.keys() | theirs.keys(), key=str):
            if key not in theirs or key not in ours:
                found.append(f"{kind} {key}: only in the {'first' if key in ours else 'second'}")
                continue
            found.extend(
                f"{kind} {ours[key].get('distinguished_name', key)} {name}: "
                f"{ours[key][name]!r} / {theirs[key][name]!r}"
                for name in ours[key]
                if ours[key][name] != theirs[key][name]
            )
    return found
