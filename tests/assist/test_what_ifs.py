"""What-ifs as workers answer them: claimed once, given up, lost with a worker, forgotten."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from assist import what_ifs
from assist.errors import InvalidInput, NotAllowed, WhatIfRunning
from assist.models import WhatIf
from assist.what_ifs import (
    KEPT,
    LOST,
    MOST_ATTEMPTS,
    NamedChange,
    what_if_ask,
    what_if_cancel,
    what_if_work,
    what_ifs_to_continue,
)
from tests.assist.cast import NOW, Cast

pytestmark = pytest.mark.usefixtures("clock")

ADD_EVE = NamedChange("helper_added", {"policy": "WinnipegGPO", "who": "eadams"})


@pytest.fixture
def asked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> WhatIf:
    monkeypatch.setattr("assist.enqueue._send", lambda *_, **__: None)
    return what_if_ask(actor=cast.actor("tmanager"), changes=[ADD_EVE])


def state(asked: WhatIf) -> str:
    asked.refresh_from_db()
    return asked.state


def test_only_managers_and_operators_ask_and_give_up(asked: WhatIf, cast: Cast) -> None:
    for name in ("mjones", "aauditor", "bsmith"):
        with pytest.raises(NotAllowed):
            what_if_ask(actor=cast.actor(name), changes=[ADD_EVE])
        with pytest.raises(NotAllowed):
            what_if_cancel(actor=cast.actor(name), asked=asked)
    with pytest.raises(WhatIfRunning):
        what_if_ask(actor=cast.actor("tmanager"), changes=[ADD_EVE])
    with pytest.raises(InvalidInput):
        what_if_ask(actor=cast.actor("ooperator"), changes=[])
    assert (state(asked), WhatIf.objects.count()) == (WhatIf.State.RUNNING, 1)


def test_the_answer_is_stored_with_how_much_was_decided(asked: WhatIf) -> None:
    what_if_work(asked.pk)
    assert state(asked) == WhatIf.State.DONE
    assert asked.result["gained"]["control"]["first_computers"] == ["XP191"]
    assert (asked.done, asked.total, asked.percent, asked.worker) == (1, 1, 100, None)
    what_if_work(asked.pk)
    assert asked.attempts == 1, "a second message finds nothing to do"


def test_a_name_that_is_gone_meanwhile_is_said(asked: WhatIf, cast: Cast) -> None:
    cast.accounts["eadams"].delete()
    what_if_work(asked.pk)
    assert state(asked) == WhatIf.State.FAILED
    assert "eadams" in asked.error


def test_a_mistake_of_the_portal_ends_it_and_is_raised(
    asked: WhatIf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(what_ifs, "what_if", broken)
    with pytest.raises(RuntimeError):
        what_if_work(asked.pk)
    assert (state(asked), "made a mistake" in asked.error) == (WhatIf.State.FAILED, True)


def test_one_that_is_given_up_stops_its_worker(
    asked: WhatIf, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = what_ifs.what_if

    def cancelled_meanwhile(*args: Any, **more: Any) -> Any:
        what_if_cancel(actor=cast.actor("ooperator"), asked=asked)
        return real(*args, **more)

    monkeypatch.setattr(what_ifs, "what_if", cancelled_meanwhile)
    what_if_work(asked.pk)
    assert (state(asked), asked.result, asked.total) == (WhatIf.State.CANCELLED, None, 0)


def test_progress_is_stored_and_keeps_others_away(
    asked: WhatIf, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def looking(*_: object, progress: Any, **__: object) -> Any:
        progress(30, 120)
        asked.refresh_from_db()
        seen.append((asked.percent, asked.worker is not None))
        what_if_work(asked.pk)
        asked.refresh_from_db()
        seen.append((asked.attempts, what_ifs_to_continue(NOW)))
        raise what_ifs._Overtaken

    monkeypatch.setattr(what_ifs, "what_if", looking)
    what_if_work(asked.pk)
    assert seen == [(25, True), (1, [])]


def test_one_whose_worker_was_lost_is_taken_again_but_not_for_ever(asked: WhatIf) -> None:
    assert what_ifs_to_continue(NOW) == [asked.pk], "the message may have been lost"
    for attempt in range(1, MOST_ATTEMPTS + 1):
        WhatIf.objects.update(worker=uuid.uuid4(), heartbeat_at=NOW, attempts=attempt)
        assert what_ifs_to_continue(NOW + LOST) == []
        continued = what_ifs_to_continue(NOW + LOST + timedelta(seconds=1))
        assert continued == ([asked.pk] if attempt < MOST_ATTEMPTS else [])
    assert (state(asked), "workers were lost" in asked.error) == (WhatIf.State.FAILED, True)


def test_a_worker_that_was_thought_lost_stores_nothing(
    asked: WhatIf, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = what_ifs.what_if

    def overtaken(*args: Any, **more: Any) -> Any:
        more["progress"] = lambda *_: None
        answer = real(*args, **more)
        WhatIf.objects.update(worker=uuid.uuid4())
        return answer

    monkeypatch.setattr(what_ifs, "what_if", overtaken)
    what_if_work(asked.pk)
    assert (state(asked), asked.result) == (WhatIf.State.RUNNING, None)


def test_the_oldest_are_forgotten_those_that_run_are_not(asked: WhatIf, cast: Cast) -> None:
    WhatIf.objects.update(requested_at=NOW - timedelta(days=9))
    WhatIf.objects.bulk_create(
        WhatIf(
            state=WhatIf.State.DONE,
            changes=[],
            sentences=[str(number)],
            requested_by="x",
            requested_by_sid="x",
            requested_at=NOW - timedelta(minutes=number),
        )
        for number in range(1, KEPT + 6)
    )
    what_if_ask(actor=cast.actor("ooperator"), changes=[ADD_EVE])
    assert state(asked) == WhatIf.State.RUNNING
    ended = WhatIf.objects.filter(state=WhatIf.State.DONE)
    assert ended.count() == KEPT
    assert not ended.filter(sentences=[str(KEPT + 1)]).exists()
