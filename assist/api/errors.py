"""Every error of the API as one document, ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.settings import api_settings

from directory.errors import PortalError

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_LONGEST_NAME = 128  # of a field, which for an unknown one is whatever the caller wrote

_REMEDIES: dict[type[APIException], str] = {
    exceptions.ParseError: "Send one JSON document in UTF-8.",
    exceptions.NotAuthenticated: "Send the header Authorization: Bearer with a token.",
    exceptions.AuthenticationFailed: "Ask an administrator for a new token.",
    exceptions.NotFound: "Look up the address in the schema at /api/v1/schema.",
    exceptions.MethodNotAllowed: "Use a method that the header Allow names.",
    exceptions.NotAcceptable: "Accept application/json.",
    exceptions.UnsupportedMediaType: "Send the body as application/json.",
    exceptions.Throttled: "Wait as long as the header Retry-After says, in seconds.",
}
_FIELD_REMEDIES = {
    "required": "Send this field.",
    "null": "Send a value, or leave the field out.",
    "blank": "Send a value.",
    "max_length": "Shorten it.",
    "invalid_choice": "Choose one of the documented values.",
    "unknown_field": "Leave it out, or check its spelling in the schema at /api/v1/schema.",
    "repeated": "Send it once.",
}
_FIELD_REMEDY = "See the schema at /api/v1/schema for what this field takes."


class BodyTooLarge(PortalError):
    """The body of a request is longer than its endpoint reads."""

    code = "body_too_large"
    status = 413

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The body is longer than {max_bytes} bytes.",
            remedy="Send less at once.",
        )


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field; ``field`` is a path such as ``events[3].EventID``."""

    field: str
    code: str
    detail: str
    remedy: str


def answer_error(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """The answer to any exception a view raises (``REST_FRAMEWORK["EXCEPTION_HANDLER"]``).

    A plain response and not DRF's: an error looks the same whatever renderer was negotiated, and
    also when none could be.

    Args:
        error: The exception; one that nobody foresaw is logged and answered with 500.
        context: ``request`` and ``view``, as DRF gives them.
    """
    request_id = str(context["request"].META.get("portal.request_id", ""))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, DjangoPermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, PortalError):
        return _answer_portal_error(error, request_id)
    if isinstance(error, ValidationError):
        return _answer_validation_error(error, request_id)
    if isinstance(error, APIException):
        return _answer_api_exception(error, request_id)
    log.error("an API request broke", exc_info=error)
    return _problem(
        500,
        code="internal_error",
        detail="Something broke in the portal. It was logged.",
        remedy="Try again; if it stays, tell the portal's operator the request_id.",
        request_id=request_id,
    )


def _answer_portal_error(error: PortalError, request_id: str) -> HttpResponse:
    if error.status >= 500:
        log.warning("an API request was not served: %s", error.sentence)
    return _problem(
        error.status,
        code=error.code,
        detail=error.sentence,
        field=error.field,
        remedy=error.remedy,
        request_id=request_id,
    )


def _answer_validation_error(error: ValidationError, request_id: str) -> HttpResponse:
    errors = _flatten(error.detail)
    first = errors[0]
    return _problem(
        400,
        code="invalid_input",
        detail=first.detail,
        field=first.field,
        remedy=first.remedy,
        errors=[vars(item) for item in errors],
        request_id=request_id,
    )


def _answer_api_exception(error: APIException, request_id: str) -> HttpResponse:
    response = _problem(
        error.status_code,
        code=_code(error),
        detail=str(error.detail),
        remedy=_REMEDIES.get(type(error), ""),
        request_id=request_id,
    )
    challenge = getattr(error, "auth_header", None)
    if challenge:
        is_refused = isinstance(error, exceptions.AuthenticationFailed)
        # RFC 6750, section 3.1: no error code where no token was sent.
        response["WWW-Authenticate"] = challenge + (', error="invalid_token"' * is_refused)
    wait = getattr(error, "wait", None)
    if wait:
        response["Retry-After"] = str(ceil(wait))
    return response


def _code(error: APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else str(error.default_code)


def _flatten(detail: Any, path: str = "") -> list[FieldError]:
    """DRF's nested errors as a list in the order of the fields."""
    if isinstance(detail, dict):
        return [item for key, value in detail.items() for item in _flatten(value, _join(path, key))]
    if isinstance(detail, list):
        return [item for value in detail for item in _flatten(value, path)]
    code = str(detail.code) if isinstance(detail, ErrorDetail) else "invalid"
    return [FieldError(path, code, str(detail), _FIELD_REMEDIES.get(code, _FIELD_REMEDY))]


def _join(path: str, key: object) -> str:
    if key == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    name = str(key)[:_LONGEST_NAME]
    return f"{path}.{name}" if path else name


def _problem(
    status: int,
    *,
    code: str,
    detail: str,
    remedy: str,
    request_id: str,
    field: str = "",
    errors: list[dict[str, str]] | None = None,
) -> HttpResponse:
    document: dict[str, Any] = {
        "type": f"urn:remote-assistance-portal:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "field": field[:_LONGEST_NAME],
        "remedy": remedy,
        "request_id": request_id,
    }
    if errors is not None:
        document["errors"] = errors
    return HttpResponse(json.dumps(document), status=status, content_type=CONTENT_TYPE)
