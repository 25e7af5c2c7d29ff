"""Makes, lists and revokes the tokens of programs that call the API."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assist.actors import Actor
from assist.models import ApiToken, TokenScope
from assist.tokens import token_create, token_revoke
from directory.errors import PortalError
from directory.names import find_account

DEFAULT_DAYS = 365


class Command(BaseCommand):
    help = "Make a token for a program that calls the API, and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="what the token is for")
        parser.add_argument("--scope", choices=TokenScope.values, default=TokenScope.EXPERT.value)
        parser.add_argument("--account", default="", help=r"whom it acts as, as R2\mjones")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help="how long it lives; 0: until revoked"
        )
        parser.add_argument("--list", action="store_true", help="list the tokens there are")
        parser.add_argument("--revoke", metavar="PREFIX", help="revoke the token beginning so")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor(sid="", name=f"{getpass.getuser()} at the console")
        if options["list"]:
            self._list()
        elif options["revoke"]:
            self._revoke(actor, options["revoke"])
        else:
            self._create(actor, options)

    def _create(self, actor: Actor, options: dict[str, Any]) -> None:
        days = options["days"]
        now = timezone.now()
        try:
            _, text = token_create(
                actor=actor,
                name=options["name"],
                scope=TokenScope(options["scope"]),
                account=find_account(options["account"]) if options["account"] else None,
                expires_at=now + timedelta(days=days) if days else None,
                now=now,
            )
        except OverflowError as error:
            raise CommandError("--days: more days than there are.") from error
        except PortalError as error:
            raise CommandError(f"{error.sentence} {error.remedy}".strip()) from error
        self.stdout.write(text)

    def _list(self) -> None:
        for token in ApiToken.objects.select_related("account__domain").order_by("created_at"):
            state = "revoked" if token.revoked_at else f"until {token.expires_at or 'revoked'}"
            whose = f" as {token.account}" if token.account else ""
            self.stdout.write(f"{token.prefix}...  {token.scope}{whose}  {token.name}  ({state})")

    def _revoke(self, actor: Actor, prefix: str) -> None:
        found = list(ApiToken.objects.filter(prefix=prefix, revoked_at__isnull=True)[:2])
        if len(found) != 1:
            raise CommandError(
                f"{len(found) or 'No'} tokens in use begin {prefix}. See api_token --list."
            )
        token_revoke(actor=actor, token=found[0])
        self.stdout.write(f"{found[0].name}: revoked.")
