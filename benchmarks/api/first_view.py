"""The dashboard's first view on the running demo: ``python -m benchmarks.api.first_view [--repeat N]``.

Seconds from the start of the navigation until the numbers are painted, in Chromium, over an API process of its own:
with nothing kept anywhere (the API just started, a new browser profile), with a new profile alone, and again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys

from playwright.sync_api import Browser, sync_playwright

from benchmarks.api.site import Site, api
from include.settings import get_settings
from tests.support.browser import Visitor, launched
from tests.support.first_view import painted, watch


def measure(browser: Browser, found: Site, times: dict[str, list[float]]) -> None:
    """One round over an API that was just started."""
    session = json.dumps({"access_token": found.token, "refresh_token": "", "roles": {}, "name": "bench"})
    for name in ("nothing kept", "new browser profile"):
        visitor = Visitor(browser, found.url, session)
        page = visitor.blank()
        watch(page.context)
        times[name].append(painted(page, found.url))
        times["again"].append(painted(page, found.url))
        visitor.close()


def main() -> int:
    """Measure and print a table; 1 where a median is a second or more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    settings = get_settings()
    login = (settings.admin_user, settings.admin_password.get_secret_value())
    times: dict[str, list[float]] = {"nothing kept": [], "new browser profile": [], "again": []}
    load = []
    with sync_playwright() as playwright, launched(playwright) as browser:
        for _ in range(options.repeat):
            with api(settings, 1, 64, login) as found:
                measure(browser, found, times)
            load.append(os.getloadavg()[0])
    print(f"{options.repeat} rounds, load average {min(load):.0f} to {max(load):.0f} on {os.cpu_count()} cores\n")
    print("| first view | median s | least s | most s |\n|---|---|---|---|")
    for name, found_times in times.items():
        print(f"| {name} | {statistics.median(found_times):.2f} | {min(found_times):.2f} | {max(found_times):.2f} |")
    return int(any(statistics.median(one) >= 1 for one in times.values()))


if __name__ == "__main__":
    sys.exit(main())
