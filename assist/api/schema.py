"""The API's description (OpenAPI): who may call, what an error looks like, examples."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from assist.api.answers import ProblemAnswer

OFFER_ID = "0b7d9c6e-4d0a-4f57-9a52-5b1c2d3e4f50"
COMPUTER_ID = "6f1d3a52-93f0-4c0e-8a0b-1c2d3e4f5a6b"
_EXPERT = {"name": r"R2\mjones", "sid": "S-1-5-21-1004336348-1177238915-682003330-1104"}
_COMPUTER = {"name": "XP191", "id": COMPUTER_ID}

_DECISION: dict[str, Any] = {
    "version": 1,
    "verdict": "allowed",
    "sentence": r"R2\mjones may offer help on XP191 in control mode, because R2\mjones is a member "
    r"of R2\Helpdesk Winnipeg, which GPO WinnipegGPO (linked to OU=Winnipeg) lists as helper.",
    "mode": "control",
    "expert": {"kind": "account", "id": _EXPERT["sid"], "name": _EXPERT["name"]},
    "computer": {"kind": "computer", "id": COMPUTER_ID, "name": "XP191"},
    "findings": [
        {
            "rule": "helper.listed",
            "effect": "allow",
            "sentence": r"R2\Helpdesk Winnipeg is on the helper list of WinnipegGPO.",
            "evidence": [
                {
                    "kind": "group",
                    "id": "S-1-5-21-1004336348-1177238915-682003330-1201",
                    "name": r"R2\Helpdesk Winnipeg",
                }
            ],
            "remedy": "",
        }
    ],
    "decided_at": "2026-11-23T07:00:00.125000Z",
}

_SUMMARY: dict[str, Any] = {
    "id": OFFER_ID,
    "state": "queued",
    "is_ended": False,
    "mode": "control",
    "viewer": "windows",
    "authority": "service",
    "expert": _EXPERT,
    "computer": _COMPUTER,
    "target": "XP191",
    "user": r"R2\bsmith",
    "novice": None,
    "ticket": "INC0012345",
    "reason": "The printer is gone",
    "retry_of": None,
    "requested_at": "2026-11-23T07:00:00.125000Z",
    "start_at": None,
    "deadline_at": "2026-11-23T07:05:00.125000Z",
    "offered_at": None,
    "viewed_at": None,
    "controlled_at": None,
    "ended_at": None,
    "outcome": None,
    "outcome_grade": None,
    "is_control_violation": False,
    "end": None,
    "page": f"https://portal.example/offers/{OFFER_ID}/",
}

_OFFER: dict[str, Any] = _SUMMARY | {
    "address": None,
    "logon_session_id": None,
    "logon_sessions": [],
    "decision": _DECISION,
    "contact_decision": None,
    "release_decision": None,
    "approvals": [],
    "transitions": [
        {
            "from_state": None,
            "to_state": "requested",
            "sentence": "",
            "at": "2026-11-23T07:00:00.125000Z",
        },
        {
            "from_state": "requested",
            "to_state": "queued",
            "sentence": _DECISION["sentence"],
            "at": "2026-11-23T07:00:00.125000Z",
        },
    ],
    "evidence": [],
    "session": None,
    "contradictions": [],
    "event_log": None,
}

_REASON = "The policy on VAN042 lets helpers view the screen, but not control it."
_REMEDY = "Offer help in view mode, or ask who manages GPO VancouverGPO."
_REFUSED: dict[str, Any] = _OFFER | {
    "state": "refused",
    "is_ended": True,
    "computer": {"name": "VAN042", "id": "7a2e4b63-a401-4d1f-9b1c-2d3e4f5a6b7c"},
    "target": "VAN042",
    "user": "",
    "deadline_at": None,
    "ended_at": "2026-11-23T07:00:00.125000Z",
    "outcome": "refused",
    "end": {"code": "mode.view_only", "sentence": _REASON, "remedy": _REMEDY},
    "decision": _DECISION
    | {
        "verdict": "refused",
        "sentence": _REASON,
        "computer": {
            "kind": "computer",
            "id": "7a2e4b63-a401-4d1f-9b1c-2d3e4f5a6b7c",
            "name": "VAN042",
        },
        "findings": [
            {
                "rule": "mode.view_only",
                "effect": "deny",
                "sentence": _REASON,
                "evidence": [],
                "remedy": _REMEDY,
            }
        ],
    },
    "transitions": [
        _OFFER["transitions"][0],
        _OFFER["transitions"][1] | {"to_state": "refused", "sentence": _REASON},
    ],
}


def _answer_example(name: str, value: Any, status: str) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[status])


def _request_example(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


CREATE_EXAMPLES = [
    _request_example(
        "An offer to a person at a computer",
        {
            "target": "XP191",
            "mode": "control",
            "user": r"R2\bsmith",
            "ticket": "INC0012345",
            "reason": "The printer is gone",
        },
    ),
    _request_example("By IP address", {"target": "127.0.11.91", "mode": "view"}),
    _answer_example("Let through", _OFFER, "201"),
    _answer_example("Refused", _REFUSED, "201"),
]
OFFER_EXAMPLES = [_answer_example("An offer", _OFFER, "200")]
LIST_EXAMPLES = [
    _answer_example("One page", {"results": [_SUMMARY], "next_cursor": None}, "200"),
]
CHOICE_EXAMPLES = [
    _request_example("The session to ask", {"logon_session_id": 2}),
    _answer_example(
        "Contacted again", _OFFER | {"state": "contacting", "logon_session_id": 2}, "200"
    ),
]
CANCEL_EXAMPLES = [
    _answer_example(
        "Cancelled",
        _OFFER
        | {
            "state": "cancelled",
            "is_ended": True,
            "deadline_at": None,
            "ended_at": "2026-11-23T07:00:09.500000Z",
            "outcome": "cancelled",
            "end": {
                "code": "cancelled",
                "sentence": r"R2\mjones cancelled the offer.",
                "remedy": "",
            },
        },
        "200",
    )
]
_AGAIN = "5c1f0d3e-7b2a-4c19-8d64-0e9f8a7b6c5d"
RETRY_EXAMPLES = [
    _answer_example("Once more", _OFFER | {"id": _AGAIN, "retry_of": OFFER_ID}, "201")
]
_HELD: dict[str, Any] = _OFFER | {
    "state": "held",
    "approvals": [
        {
            "rule": "Tills",
            "state": "waiting",
            "asked_at": "2026-11-23T07:00:00.125000Z",
            "decided_at": None,
            "approver": None,
            "reason": "",
            "valid_until": None,
        }
    ],
}
APPROVALS_EXAMPLES = [_answer_example("One offer waits", {"results": [_HELD]}, "200")]
APPROVE_EXAMPLES = [
    _request_example("With a reason", {"reason": "The till stands still"}),
    _answer_example("Released", _OFFER, "200"),
]
REFUSE_EXAMPLES = [
    _request_example("Why", {"reason": "Not before closing time"}),
    _answer_example(
        "Refused",
        _OFFER
        | {
            "state": "refused",
            "is_ended": True,
            "deadline_at": None,
            "ended_at": "2026-11-23T07:02:00.000000Z",
            "outcome": "refused",
            "end": {
                "code": "approval.refused",
                "sentence": r"R2\tmanager did not approve the offer: Not before closing time",
                "remedy": r"Talk to R2\tmanager.",
            },
        },
        "200",
    ),
]
CONFIRM_EXAMPLES = [
    _request_example("The link's token", {"token": "kJ4w0m8eX1hQv3nR7sT2yU5zA9bC6dE0fG-iLoPqWxY"}),
    _answer_example(
        "Offer help there",
        {
            "offer": OFFER_ID,
            "computer": "xp191.r2.local",
            "report_token": "Q9b7c1D3e5F8g0H2i4J6k8L0m2N4o6P8q0R2s4T6u8V",
        },
        "200",
    ),
]
REPORT_EXAMPLES = [
    _request_example(
        "The session is over",
        {
            "token": "Q9b7c1D3e5F8g0H2i4J6k8L0m2N4o6P8q0R2s4T6u8V",
            "event": "ended",
            "exit_code": 0,
        },
    )
]
ELIGIBILITY_EXAMPLES = [_answer_example("Allowed", _DECISION, "200")]
WHAT_IF_EXAMPLES = [
    _request_example(
        "A helper more, and a unit that blocks inheritance",
        {
            "changes": [
                {
                    "kind": "helper_added",
                    "policy": "WinnipegGPO",
                    "who": r"R2\Helpdesk Night",
                },
                {"kind": "inheritance_blocked", "unit": "OU=Brandon,DC=r2,DC=local"},
            ]
        },
    ),
]
EVENTS_EXAMPLES = [
    _request_example(
        "The user let the expert see the screen",
        {
            "events": [
                {
                    "Provider": "Microsoft-Windows-RemoteAssistance",
                    "Channel": "Microsoft-Windows-RemoteAssistance/Operational",
                    "EventID": 22,
                    "EventRecordID": 17,
                    "Computer": "XP191.r2.local",
                    "TimeCreated": "2026-11-23T07:01:10.123456Z",
                    "ProcessID": 4242,
                    "UserID": "S-1-5-21-1004336348-1177238915-682003330-1105",
                    "EventData": {},
                }
            ]
        },
    ),
    _answer_example("One new event", {"stored": 1, "duplicate": 0, "unknown_computer": 0}, "200"),
]

_PROBLEMS = {
    400: "The input cannot be used; `field` and `remedy` say what to change.",
    401: "No token, or one that cannot be used.",
    403: "The token may not do this.",
    404: "There is none with this id, or it is not the caller's to see.",
    409: "The present state does not permit this.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "The domain's own servers do not answer.",
}


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The errors an operation answers with, for ``extend_schema(responses=...)``."""
    return {
        (status, "application/problem+json"): OpenApiResponse(ProblemAnswer, _PROBLEMS[status])
        for status in statuses
    }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How ``TokenAuthentication`` is described."""

    target_class = "assist.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `manage.py api_token`: of scope expert it acts as its "
            "account, of scope collector it only delivers Windows events.",
        }
