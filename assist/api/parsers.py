"""JSON bodies, bounded and clean enough for every database to keep."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from assist.api.errors import BodyTooLarge
from assist.errors import InvalidInput

MAX_DEPTH = 16
# PostgreSQL keeps neither NUL nor half a surrogate pair, in text or in jsonb.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class JsonParser(BaseParser):
    """JSON in UTF-8 (RFC 8259, section 8.1), of at most ``max_bytes``."""

    media_type = "application/json"
    max_bytes = 16 * 1024

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The document.

        Raises:
            BodyTooLarge: The body is longer than ``max_bytes``.
            ParseError: The body is not JSON.
            InvalidInput: It is, but nests too deeply or holds text that cannot be kept.
        """
        body = stream.read(self.max_bytes + 1)
        if len(body) > self.max_bytes:
            raise BodyTooLarge(self.max_bytes)
        try:
            document = json.loads(
                body.decode("utf-8"), parse_float=_finite, parse_constant=_not_a_number
            )
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from error
        _require_keepable(document)
        return document


class WindowsEventsParser(JsonParser):
    """As large as a collector's fullest batch."""

    max_bytes = 1024 * 1024


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not a JSON value")


def _require_keepable(document: Any) -> None:
    # A stack of our own: the document decides how deep this goes, Python's must not.
    waiting: list[tuple[str, Any, int]] = [("", document, 1)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, str):
            if _UNKEEPABLE.search(value):
                raise InvalidInput(
                    "A text holds a NUL character or half a surrogate pair.",
                    remedy="Leave that character out.",
                    field=path,
                )
            continue
        if depth > MAX_DEPTH and isinstance(value, dict | list):
            raise InvalidInput(
                f"The document nests deeper than {MAX_DEPTH} levels.",
                remedy="Send the documented fields only.",
                field=path.split(".")[0].split("[")[0],
            )
        waiting.extend((name, item, depth + 1) for name, item in _children(path, value))


def _children(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            name = f"{path}.{key}" if path else key
            yield name, key
            yield name, item
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item
