"""The refusals of this package. Each says what is wrong and what to do next."""

from __future__ import annotations

from directory.errors import PortalError


class InvalidInput(PortalError):
    """Something that was typed or sent cannot be used; ``field`` names it."""

    code = "invalid_input"


class NotAllowed(PortalError):
    """The actor may not do this at all."""

    code = "not_allowed"
    status = 403


class OfferNotFound(PortalError):
    """There is no such offer, or it is not the actor's to see: both look the same."""

    code = "offer_not_found"
    status = 404

    def __init__(self) -> None:
        super().__init__(
            "There is no such offer.",
            remedy="Open it from your list of offers.",
        )


class OfferConflict(PortalError):
    """The offer's present state does not permit this."""

    code = "offer_conflict"
    status = 409


class InvitationGone(PortalError):
    """The invitation is not there any more, or not yet."""

    code = "invitation_gone"
    status = 409


class TicketGone(PortalError):
    """The ticket as the expert, which the worker calls with, is not there any more."""

    code = "ticket_gone"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "The ticket for this offer is not there any more: it was used, or its time has passed.",
            remedy="Ask for the offer anew.",
        )


class LaunchRefused(PortalError):
    """A launcher's token is not known, used up, or too late: all look the same."""

    code = "launch_refused"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "The launch link is not valid any more.",
            remedy="Start Remote Assistance again on the offer's page.",
        )


class NotConfigured(PortalError):
    """A setting that this needs is missing."""

    code = "not_configured"
    status = 500


class SweepRunning(PortalError):
    """Computers of this scope are being checked already."""

    code = "sweep_running"
    status = 409


class WhatIfRunning(PortalError):
    """A what-if of the same person has not ended."""

    code = "what_if_running"
    status = 409


class WhatIfNotFound(PortalError):
    """There is no such what-if."""

    code = "what_if_not_found"
    status = 404


class NotRecorded(PortalError):
    """The act could not be written down with its audit event, so it was not done."""

    code = "not_recorded"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The offer could not be written down, so it was not made.",
            remedy="Try again; if it happens again, tell the portal's operator.",
        )


class RemovalRefused(PortalError):
    """Old audit events are not removed where the chain does not hold."""

    code = "removal_refused"


class CheckpointRefused(PortalError):
    """A checkpoint, or the public key for it, cannot be relied upon."""

    code = "checkpoint_refused"


class SinkUnavailable(PortalError):
    """What should leave the database did not get there."""

    code = "sink_unavailable"
    status = 503
