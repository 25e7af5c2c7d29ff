"""Makes an offer from the console and follows it."""

from __future__ import annotations

import getpass
import json
import sys
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from assist.actors import Actor
from assist.errors import OfferConflict
from assist.invitations import invitation_take
from assist.lifecycle import ENDS, LABELS, Mode, State
from assist.models import Grade, Offer, OfferTransition
from assist.models.offer import VIEWER_CHOICES
from assist.offers import offer_cancel, offer_choose_session, offer_request
from directory.errors import PortalError
from directory.names import find_account

ACCEPTED, OTHER_END, UNKNOWN_NAME, BROKE = 0, 1, 2, 3
POLL_SECONDS = 0.2
_NAME_FIELDS = frozenset({"expert", "target", "wanted_user"})

log = structlog.get_logger()


class Command(BaseCommand):
    help = (
        "Offer help as EXPERT on COMPUTER and print each state as it is reached. "
        "Exit 0: accepted (without --wait: let through); 1: any other end; 2: unknown name; "
        "3: something broke."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("expert", help=r"as R2\mjones, r2.local\mjones or mjones@r2.local")
        parser.add_argument("computer", help="its name, DNS name or IP address")
        parser.add_argument("--user", default="", help=r"the user on it, as DOMAIN\name")
        parser.add_argument(
            "--mode", choices=[mode.value for mode in Mode], default=Mode.CONTROL.value
        )
        parser.add_argument("--ticket", default="", help="a reference to the ticket")
        parser.add_argument("--reason", default="", help="why, for the audit trail")
        parser.add_argument(
            "--viewer", choices=[value for value, _ in VIEWER_CHOICES], default="windows"
        )
        parser.add_argument(
            "--authority",
            choices=settings.OFFER_AUTHORITIES,
            default="",
            help="whose account calls the computer; by default the portal's first choice",
        )
        parser.add_argument(
            "--start-in",
            type=int,
            metavar="MINUTES",
            help="hold the offer so long before it is made",
        )
        parser.add_argument(
            "--wait", action="store_true", help="follow the offer until the user has answered"
        )
        parser.add_argument(
            "--save-invitation", metavar="FILE", help="write the invitation there when it is ready"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one JSON object: id, state, outcome, "
            "grade, sentence, remedy, code, computer, novice, password",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._run(options)
        except DatabaseError as error:
            self.stderr.write(f"The database does not answer: {error}")
            code = BROKE
        except Exception as error:
            log.exception("the offer broke")
            self.stderr.write(f"Something broke: {error}")
            code = BROKE
        if code:
            sys.exit(code)

    def _run(self, options: dict[str, Any]) -> int:
        try:
            actor = _actor(options["expert"])
            offer = offer_request(
                actor=actor,
                target=options["computer"],
                mode=Mode(options["mode"]),
                viewer=options["viewer"],
                door="command",
                wanted_user=options["user"],
                ticket=options["ticket"],
                reason=options["reason"],
                authority=options["authority"],
                start_at=_start(options["start_in"]),
            )
        except PortalError as error:
            return self._refuse(error, options)
        follower = _Follower(self, actor, offer, options)
        try:
            follower.follow()
        except KeyboardInterrupt:
            follower.cancel("Interrupted: the offer is cancelled.")
        except PortalError as error:
            follower.print_new_states()
            return self._refuse(error, options, code=BROKE)
        return follower.finish()

    def _refuse(self, error: PortalError, options: dict[str, Any], code: int | None = None) -> int:
        self.stderr.write(f"{error.sentence} {error.remedy}".strip())
        if options["json"]:
            answer = {
                "error": {
                    "code": error.code,
                    "sentence": error.sentence,
                    "field": error.field,
                    "remedy": error.remedy,
                }
            }
            self.stdout.write(json.dumps(answer))
        if code is not None:
            return code
        return UNKNOWN_NAME if error.status < 500 else BROKE


class _Follower:
    """Prints an offer's history as it grows, and does what the expert asked for on the way."""

    def __init__(
        self, command: Command, actor: Actor, offer: Offer, options: dict[str, Any]
    ) -> None:
        self.command = command
        self.actor = actor
        self.offer = offer
        self.options = options
        self.password: str | None = None
        self._last_step = 0
        self._is_saved = False

    def follow(self) -> None:
        """Until the answer is there; without --wait, until the offer is let through or refused."""
        self.print_new_states()
        while self.options["wait"] or self.options["save_invitation"]:
            self.offer.refresh_from_db()
            self.print_new_states()
            if self.offer.state == State.CHOOSING:
                self._choose()
            self._save_invitation()
            if State(self.offer.state) in ENDS | {State.ACCEPTED}:
                return
            if self._is_saved and not self.options["wait"]:
                return
            time.sleep(POLL_SECONDS)

    def cancel(self, message: str) -> None:
        """Take the offer back, if that can still be done."""
        self.command.stderr.write(message)
        try:
            offer_cancel(actor=self.actor, offer=self.offer)
        except OfferConflict as error:
            self.command.stderr.write(error.sentence)
        self.print_new_states()

    def print_new_states(self) -> None:
        steps = OfferTransition.objects.filter(offer=self.offer, pk__gt=self._last_step)
        for step in steps:
            self._last_step = step.pk
            label = LABELS[State(step.to_state)]
            line = f"{step.at:%H:%M:%S.%f}"[:12] + f"  {step.to_state:<12} {label}"
            self.command.stdout.write(f"{line}: {step.sentence}" if step.sentence else line)

    def finish(self) -> int:
        """Print the outcome; the exit code."""
        offer = self.offer
        offer.refresh_from_db()
        if State(offer.state) in ENDS and offer.end_remedy:
            self.command.stdout.write(f"What can be done: {offer.end_remedy}")
        if offer.outcome and offer.outcome_grade:
            self.command.stdout.write(
                f"Outcome: {offer.outcome} ({Grade(offer.outcome_grade).label})."
            )
        if self.options["json"]:
            self.command.stdout.write(json.dumps(self._answer(), ensure_ascii=False))
        if offer.outcome == State.ACCEPTED:
            return ACCEPTED
        if State(offer.state) in ENDS:
            return OTHER_END
        return ACCEPTED if not self.options["wait"] else OTHER_END

    def _answer(self) -> dict[str, Any]:
        offer = self.offer
        return {
            "id": str(offer.pk),
            "state": offer.state,
            "outcome": offer.outcome,
            "grade": offer.outcome_grade,
            "code": offer.end_code,
            "sentence": offer.end_sentence,
            "remedy": offer.end_remedy,
            "computer": offer.computer_name,
            "novice": offer.novice_name,
            "password": self.password,
        }

    def _save_invitation(self) -> None:
        path = self.options["save_invitation"]
        if not path or self._is_saved:
            return
        if State(self.offer.state) not in (State.OFFERED, State.ANSWERING):
            return
        file = invitation_take(actor=self.actor, offer=self.offer)
        # Whoever holds the file may connect: it is created for its owner alone.
        target = Path(path)
        target.touch(mode=0o600)
        target.write_bytes(file.content)
        self.password = file.password
        self._is_saved = True
        self.command.stdout.write(f"Invitation saved: {target}")
        if file.password:
            self.command.stdout.write(f"Password: {file.password}")

    def _choose(self) -> None:
        choices = list(self.offer.logon_sessions.all())
        for choice in choices:
            self.command.stdout.write(
                f"  {choice.session_id}: {choice.domain_name}\\{choice.user_name}"
            )
        if not sys.stdin.isatty():
            self.cancel("Several users are logged on: name one with --user. Cancelled.")
            return
        chosen = self._ask({choice.session_id for choice in choices})
        try:
            offer_choose_session(actor=self.actor, offer=self.offer, logon_session_id=chosen)
        except OfferConflict as error:
            self.command.stderr.write(error.sentence)

    def _ask(self, session_ids: set[int]) -> int:
        while True:
            answer = input("Which logon session? ").strip()
            if answer.isdecimal() and int(answer) in session_ids:
                return int(answer)
            self.command.stderr.write(f"One of {', '.join(map(str, sorted(session_ids)))}.")


def _start(minutes: int | None) -> datetime | None:
    return None if minutes is None else timezone.now() + timedelta(minutes=minutes)


def _actor(name: str) -> Actor:
    """The expert, acting through somebody at this console."""
    account = find_account(name)
    request_id = f"console-{getpass.getuser()}-{uuid.uuid4().hex[:8]}"
    return Actor.of_account(account, request_id=request_id[:64])
