"""Files that are sent while they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

T = TypeVar("T", str, bytes)


def streamed(
    request: HttpRequest, blocks: Iterator[T], *, content_type: str, file_name: str
) -> StreamingHttpResponse:
    """A download of blocks, each made when the one before is sent.

    Args:
        request: By whose protocol it is sent.
        blocks: The file's content.
        content_type: What it is.
        file_name: What the browser calls it; ASCII.
    """
    answer = StreamingHttpResponse(
        _one_by_one(blocks) if isinstance(request, ASGIRequest) else blocks,
        content_type=content_type,
    )
    answer["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return answer


async def _one_by_one(blocks: Iterator[T]) -> AsyncIterator[T]:
    """Each made when the one before is sent: Django would make all before it sends the first."""
    make_next = sync_to_async(lambda: next(blocks, None))
    while (block := await make_next()) is not None:
        yield block
