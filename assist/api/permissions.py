"""What each kind of token may do."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from assist import roles
from assist.api.authentication import Principal
from assist.errors import NotAllowed


class ActsAsExpert(BasePermission):
    """A token of scope expert whose account is an expert now."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for nobody at all, which is answered with 401.

        Raises:
            NotAllowed: The token is a collector's, or its account is no expert any more.
        """
        if not isinstance(request.user, Principal):
            return False
        if request.user.is_collector:
            raise NotAllowed(
                "A collector's token only delivers Windows events.",
                remedy="Use a token of scope expert.",
            )
        if roles.EXPERT not in request.user.actor.roles:
            raise NotAllowed(
                f"{request.user.actor.name} is not an expert.",
                remedy="Ask an administrator for membership in a group of experts.",
            )
        return True


class ActsAsSomebody(BasePermission):
    """A token of scope expert, whatever its account is now: approvers need not be experts."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for nobody at all, which is answered with 401.

        Raises:
            NotAllowed: The token is a collector's.
        """
        if not isinstance(request.user, Principal):
            return False
        if request.user.is_collector:
            raise NotAllowed(
                "A collector's token only delivers Windows events.",
                remedy="Use a token of scope expert.",
            )
        return True


class DeliversWindowsEvents(BasePermission):
    """A token of scope collector."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False for nobody at all, which is answered with 401.

        Raises:
            NotAllowed: The token is of another scope.
        """
        if not isinstance(request.user, Principal):
            return False
        if not request.user.is_collector:
            raise NotAllowed(
                "Windows events are taken from collectors alone.",
                remedy="Use a token of scope collector.",
            )
        return True
