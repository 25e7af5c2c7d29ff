"""Figures of reports on a page."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from assist.reports.counts import RATES, Counts

register = template.Library()

_FILTERS = {
    "control": "mode=control",
    "violations": "violation=yes",
    **{name: f"outcome={name}" for name in (*RATES, "refused", "blocked", "going_on")},
}


@register.simple_tag
def rows_link(url: str, query: str, number: int, label: str) -> SafeString:
    """A number that leads to the offers behind it; 0 leads nowhere."""
    if not number:
        return format_html("{}", 0)
    return format_html(
        '<a href="{}?{}">{}<span class="unseen"> offers: {}</span></a>', url, query, number, label
    )


@register.simple_tag
def measure_link(url: str, query: str, counts: Counts, measure: str, label: str) -> SafeString:
    """A measure of a line, with its rate where it has one."""
    number = getattr(counts, measure)
    wanted = f"{query}&{_FILTERS[measure]}"
    link = rows_link(url, wanted, number, f"{label}, {measure.replace('_', ' ')}")
    if measure not in RATES or not number:
        return link
    return format_html('{} <span class="soft">{}</span>', link, share(counts.rate(measure)))


@register.filter
def share(percent: float | None) -> str:
    """A share in percent; a dash where there is nothing to share."""
    return "-" if percent is None else f"{percent:.1f} %"


@register.filter
def seconds(number: int | None) -> str:
    """A span of time in its two largest units; a dash where it is not known."""
    if number is None:
        return "-"
    minutes, rest = divmod(number, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
