"""A DNS server of a test: answers what the test says, over UDP on a loopback address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

# (name in lower case, type as "SRV") -> answers as in a zone file. Other names do not exist.
Records = dict[tuple[str, str], list[str]]


@contextmanager
def dns_server(ip: str, records: Records) -> Iterator[list[str]]:
    """Answers on port 53 of an address; yields the questions as they come, ``name type``."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((ip, 53))
        thread = threading.Thread(target=_serve, args=(listener, records, asked), daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (ip, 53))
            thread.join(5)


def _serve(listener: socket.socket, records: Records, asked: list[str]) -> None:
    while True:
        raw, client = listener.recvfrom(4096)
        if not raw:
            return
        listener.sendto(_answer(dns.message.from_wire(raw), records, asked).to_wire(), client)


def _answer(query: dns.message.Message, records: Records, asked: list[str]) -> dns.message.Message:
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    asked.append(f"{name} {kind}")
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA
    if (name, kind) in records:
        answer.answer.append(
            dns.rrset.from_text_list(question.name, 60, "IN", kind, records[name, kind])
        )
    elif name not in {known for known, _ in records}:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer
