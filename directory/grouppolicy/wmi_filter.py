r"""The queries of a WMI filter, from its msWMI-Parm2 ([MS-GPOL] 2.2.5).

``1;3;10;28;WQL;root\CIMv2;SELECT * FROM Win32_Battery;``: how many queries, then for each ``3``,
the lengths of the namespace and of the query, ``WQL``, the namespace and the query.
"""

from __future__ import annotations

import re

HEAD = re.compile(r"3;(?P<namespace>\d{1,5});(?P<query>\d{1,5});WQL;")
MOST_QUERIES = 64


def parse_queries(text: str) -> tuple[str, ...]:
    """The queries of a filter, for a person to read.

    Args:
        text: The value of msWMI-Parm2.

    Returns:
        The queries; the text as it is when it does not follow that form, and nothing for no text.
    """
    count, _, rest = text.strip().partition(";")
    queries: list[str] = []
    for _ in range(min(int(count), MOST_QUERIES) if count.isdecimal() else 0):
        head = HEAD.match(rest)
        if head is None:
            break
        start = head.end() + int(head["namespace"]) + 1
        end = start + int(head["query"])
        queries.append(rest[start:end].strip("; "))
        rest = rest[end:].lstrip("; ")  # some editors count the semicolon, some do not
    if queries and all(queries) and not rest.strip("; "):
        return tuple(queries)
    return (text.strip(),) if text.strip() else ()
