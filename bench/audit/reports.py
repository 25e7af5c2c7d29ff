"""Reads every report with many offers, as a manager's browser would, and exports the table.

``python -m bench.audit.reports --size OFFERS`` measures reports alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from random import Random

Figures = dict[str, float | int | str]
TIMES, FEWEST_TIMES, SECONDS = 20, 5, 0.3  # of a page: so many, or so few when that takes longer
EXPORT_TIMES = 2


def fill(size: int, seed: int, now: datetime, *, with_events: bool = True) -> Figures:
    """Offers, their audit events, and the figures added up, in an empty migrated database.

    Args:
        size: Number of offers.
        seed: Of chance.
        now: When the last offer was made.
        with_events: False: offers alone.
    """
    generator = import_module("bench.audit.generator")
    add_up = import_module("assist.reports.adding_up").add_up
    connection = import_module("django.db").connection
    figures: Figures = {}
    random = Random(seed)
    with _step("A directory"):
        world = generator.fill_directory(size, random)
    with _step(f"{size} offers"):
        generator.fill_offers(world, size, random, now)
    if with_events:
        with _step(f"{size * generator.EVENTS_PER_OFFER} audit events"):
            figures["events"] = generator.fill_events(size)
    with _step("ANALYZE"), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    with _step("Adding up"):
        began = time.perf_counter()
        while add_up(now).has_more:
            pass
        figures["add_up_s"] = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE assist_offertally")
        cursor.execute("SELECT count(*) FROM assist_offertally")
        figures["tallies"] = int(cursor.fetchone()[0])
    return figures


def measure(now: datetime) -> Figures:
    """Every page and filter, and the exports; needs what ``fill`` made."""
    figures: Figures = {}
    client = _manager()
    times: dict[str, list[float]] = {}
    for name, path in _paths(now).items():
        with _step(f"{name}: {path}"):
            times[name] = _times(lambda path=path: _get(client, path))  # type: ignore[misc]
        print(f"    p95 {_p95(times[name]):.0f} ms", flush=True)
    figures["report_p95_ms"] = max(_p95(some) for some in times.values())
    figures["report_slowest"] = max(times, key=lambda name: _p95(times[name]))
    figures["report_pages"] = len(times)
    for name, some in times.items():
        figures[f"{name}_p95_ms"] = _p95(some)
    figures |= _exports()
    return figures


def _paths(now: datetime) -> dict[str, str]:
    """Every report and filter, by a name for its figure."""
    models = import_module("assist.models")
    offer = models.Offer.objects.filter(outcome="declined").order_by("-requested_at").first()
    today = now.date()
    week = f"from={today - timedelta(days=7)}&to={today}"
    year = f"from={today - timedelta(days=364)}&to={today}"
    all_of_it = f"from={today - timedelta(days=729)}&to={today}"
    found = {
        "overview_30_days": "/reports",
        "overview_week": f"/reports?{week}",
        "overview_year": f"/reports?{year}",
        "overview_all": f"/reports?{all_of_it}",
        **{
            f"overview_year_by_{by}": f"/reports?{year}&by={by}"
            for by in ("team", "unit", "computer")
        },
        "offers": "/reports/offers",
        "offers_declined_week": f"/reports/offers?{week}&outcome=declined",
        "offers_story": f"/reports/offers/{offer.pk}",
    }
    filters = {
        "text": "printer",
        "outcome": "declined",
        "state": "blocked",
        "mode": "view",
        "expert": offer.expert_sid,
        "computer": str(offer.computer_id),
        "novice": offer.novice_name.partition("\\")[2],
        "ticket": offer.ticket,
        "reason": "printer Outlook",
        "team": offer.team_sid,
        "unit": str(offer.unit_guid),
        "rule": "trust.one_way",
        "remedy": "policy 17 ",
        "sentence": "never said",
        "grade": "inferred",
        "authority": "delegated",
        "viewer": "freerdp",
        "door": "api",
        "target": offer.computer_name,
        "address": "192.0.2.250",
        "wanted_user": "nobody-at-all",
        "violation": "yes",
        "prompted": "no",
        "weekday": "7",
        "hour": "3",
    }
    found |= {
        f"filter_{code}": f"/reports/offers?{code}={value}" for code, value in filters.items()
    }
    found["filter_text_one"] = f"/reports/offers?text={offer.ticket}"
    found["filter_text_nothing"] = "/reports/offers?text=nowhere-to-be-found"
    found["filter_expert_name"] = f"/reports/offers?expert={offer.expert_name[-6:]}"
    found["filter_computer_name"] = f"/reports/offers?computer={offer.computer_name}"
    found["filter_interrupted"] = "/reports/offers?outcome=interrupted"
    found["filter_text_and_outcome"] = "/reports/offers?text=printer+slow&outcome=refused"
    return found


def _exports() -> Figures:
    """All offers as files, each by a process of its own, beside a plain SELECT of the same rows."""
    figures: Figures = {}
    for kind in ("csv", "xlsx", "jsonl", "select"):
        with _step(f"Export: {kind}"):
            runs = [_child(kind) for _ in range(EXPORT_TIMES)]
        best = min(runs, key=lambda run: float(run["s"]))
        rows_s = float(best["rows"]) / float(best["s"])
        peak = max(float(run["peak_rss_mb"]) for run in runs)
        if kind == "select":
            figures["select_rows_s"] = rows_s
        elif kind == "csv":
            figures |= {"export_rows_s": rows_s, "export_peak_rss_mb": peak}
        else:
            figures |= {f"export_{kind}_rows_s": rows_s, f"export_{kind}_peak_rss_mb": peak}
    figures["export_ratio"] = float(figures["export_rows_s"]) / float(figures["select_rows_s"])
    return figures


def _child(kind: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.audit.reports", "--export", kind],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _export(kind: str) -> dict[str, float]:
    """Run by a process of its own: its time and the most memory that it had."""
    models = import_module("assist.models")
    columns = import_module("assist.reports.columns")
    chosen = tuple(columns.COLUMNS[code] for code in columns.DEFAULT_COLUMNS)
    offers = models.Offer.objects.all()
    began = time.perf_counter()
    if kind == "select":
        rows = _select(offers, columns.fields_of(chosen))
    else:
        export = import_module("assist.reports.export")
        size = sum(len(part) for part in export.offers_file(offers, chosen, export.FORMATS[kind]))
        rows = offers.count() if size else 0
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": took, "rows": rows, "peak_rss_mb": peak}


def _select(offers: object, fields: tuple[str, ...]) -> int:
    """The same rows in the same order by psycopg alone, thrown away."""
    connection = import_module("django.db").connection
    query = offers.order_by("-requested_at", "-pk").values_list(*fields).query  # type: ignore[attr-defined]
    connection.ensure_connection()
    number = 0
    with connection.connection.transaction(), connection.connection.cursor("rows") as cursor:
        cursor.execute(str(query))
        while block := cursor.fetchmany(2000):
            number += len(block)
    return number


def _manager() -> object:
    """A browser in which a manager has signed in."""
    settings = import_module("django.conf").settings
    directory = import_module("directory.models")
    account = directory.Account.objects.select_related("domain").order_by("sid").first()
    guid = import_module("uuid").uuid4()
    group = directory.Group.objects.create(
        guid=guid,
        distinguished_name="CN=Managers,DC=bench,DC=test",
        domain=account.domain,
        sid=f"{account.domain.sid}-999",
        sam_account_name="Managers",
        sam_account_name_folded="managers",
        is_security=True,
        scope=directory.Group.Scope.GLOBAL,
    )
    directory.Membership.objects.create(
        group=group, member_guid=account.guid, member_sid=account.sid
    )
    settings.ROLE_GROUPS = {name: [] for name in settings.ROLE_GROUPS} | {
        "manager": ["BENCH\\Managers"]
    }
    user = import_module("portal.models").User.objects.create(sid=account.sid, name=str(account))
    client = import_module("django.test").Client(
        REMOTE_ADDR="192.0.2.7", headers={"host": "localhost"}
    )
    client.force_login(user)
    return client


def _get(client: object, path: str) -> None:
    answer = client.get(path)  # type: ignore[attr-defined]
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answers {answer.status_code}: {answer.content[:300]!r}")


def _times(act: Callable[[], object]) -> list[float]:
    act()  # once that does not count
    times: list[float] = []
    while len(times) < TIMES and (len(times) < FEWEST_TIMES or sum(times) < SECONDS * 1000):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} ...", end=" ", flush=True)
    began = time.perf_counter()
    yield
    print(f"{time.perf_counter() - began:.1f} s", flush=True)


def rounded(figures: Figures) -> Figures:
    """For the last line."""
    return {key: round(v, 2) if isinstance(v, float) else v for key, v in figures.items()}


def _setup() -> None:
    import_module("tests.environment")
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    import_module("django").setup()


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench.audit.reports", description=__doc__)
    arguments.add_argument("--size", type=int, default=100_000, help="number of offers")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--no-events", action="store_true", help="offers alone")
    arguments.add_argument("--export", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.export:
        _setup()
        print(json.dumps(_export(chosen.export)))
        return
    services = import_module("tests.services")
    with services.postgresql() as database_url:
        os.environ["DATABASE_URL"] = database_url
        _setup()
        now = import_module("django.utils.timezone").now()
        import_module("django.core.management").call_command("migrate", verbosity=0)
        figures: Figures = {
            "benchmark": "reports",
            "python": platform.python_version(),
            "processors": os.cpu_count() or 0,
            "load_before": os.getloadavg()[0],
            "offers": chosen.size,
        }
        figures |= fill(chosen.size, chosen.seed, now, with_events=not chosen.no_events)
        print(json.dumps(rounded(figures | measure(now))))


if __name__ == "__main__":
    main()
