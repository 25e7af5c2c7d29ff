"""How states, findings and times look on a page: always a word and a shape, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from assist.eligibility import Effect
from assist.lifecycle import LABELS, State

register = template.Library()


@dataclass(frozen=True)
class Look:
    """A tone (a class of the style sheet) and the shape that goes with it."""

    tone: str
    icon: str


_GOING_ON = Look("wait", "dots")
_YOURS = Look("turn", "arrow")
_GOOD = Look("good", "check")
_BAD = Look("bad", "cross")
_BROKEN = Look("bad", "triangle")
_OVER = Look("over", "dash")

LOOKS: dict[State, Look] = {
    State.REQUESTED: _GOING_ON,
    State.HELD: _GOING_ON,
    State.QUEUED: _GOING_ON,
    State.CONTACTING: _GOING_ON,
    State.CHOOSING: _YOURS,
    State.OFFERED: _YOURS,
    State.ANSWERING: _GOING_ON,
    State.ACCEPTED: _GOOD,
    State.ENDED: Look("over", "check"),
    State.REFUSED: _BAD,
    State.DECLINED: _BAD,
    State.BLOCKED: _BAD,
    State.UNREACHABLE: _BROKEN,
    State.FAILED: _BROKEN,
    State.INTERRUPTED: _BROKEN,
    State.UNANSWERED: _OVER,
    State.UNOPENED: _OVER,
    State.NOBODY: _OVER,
    State.BUSY: _OVER,
    State.CANCELLED: _OVER,
}
_EFFECTS = {
    Effect.ALLOW: ("good", "check", "Yes"),
    Effect.DENY: ("bad", "cross", "No"),
    Effect.WARN: ("turn", "triangle", "Note"),
    Effect.UNKNOWN: ("turn", "question", "Unknown"),
}


_READINESS = {
    "ready": ("good", "check", "Ready"),
    "not_ready": ("bad", "cross", "Not ready"),
    "warning": ("turn", "triangle", "Note"),
    "unknown": ("turn", "question", "Unknown"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A shape of the sprite, for the eye alone: the words beside it say the same."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """A state as a shape and its words."""
    known = State(state)
    look = LOOKS[known]
    return format_html(
        '<span class="badge tone-{}">{}<span>{}</span></span>',
        look.tone,
        icon(look.icon),
        LABELS[known],
    )


@register.filter
def tone(state: str) -> str:
    """The tone of a state, for the panel around it."""
    return LOOKS[State(state)].tone


@register.filter
def state_label(state: str) -> str:
    """A state in words."""
    return LABELS[State(state)]


@register.simple_tag
def effect_mark(effect: str) -> SafeString:
    """What a finding says, as a shape and a word."""
    tone_name, shape, word = _EFFECTS[Effect(effect)]
    return format_html(
        '<span class="mark tone-{}">{}<span>{}</span></span>', tone_name, icon(shape), word
    )


@register.simple_tag
def readiness_mark(state: str) -> SafeString:
    """What a check of readiness says, as a shape and a word."""
    tone_name, shape, word = _READINESS[state]
    return format_html(
        '<span class="mark tone-{}">{}<span>{}</span></span>', tone_name, icon(shape), word
    )


@register.simple_tag
def moment(at: datetime | None, form: str = "") -> SafeString:
    """A time in the portal's time zone; its date only where it is not today."""
    if at is None:
        return format_html("{}", "-")
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    shape = "%H:%M:%S" if is_today and form != "full" else "%Y-%m-%d %H:%M:%S"
    if form == "minute":
        shape = "%H:%M" if is_today else "%Y-%m-%d %H:%M"
    return format_html(
        '<time datetime="{}">{}</time>', at.isoformat(timespec="seconds"), local.strftime(shape)
    )


@register.simple_tag
def duration(span: timedelta | None) -> str:
    """A span of time in its two largest units."""
    return "" if span is None else _in_words(span.total_seconds())


@register.filter
def clock_difference(seconds: float) -> str:
    """How far a clock is off, as ``2 min 5 s ahead``."""
    return f"{_in_words(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"


def _in_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@register.filter
def person(name: str) -> str:
    r"""``bsmith`` of ``R2\bsmith``: where the domain is beside the point."""
    return name.rpartition("\\")[2]
