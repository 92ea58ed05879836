"""Airflow's own pages in a browser: the navigation, a run and its tasks, what they link to; a backfill by its dialog."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect

from include.settings import Settings
from tests.support.browser import DESK

DAG = "marketing_daily"
# A cold api-server draws its first page slowly on a busy machine.
PATIENCE = 60_000


@contextlib.contextmanager
def logged_in(browser: Browser, settings: Settings) -> Iterator[Page]:
    """Airflow's first page, logged in as the admin. The page's days are UTC's, as those of the DAG are."""
    context = browser.new_context(viewport=DESK, timezone_id="UTC", locale="en-US")
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    page.goto(settings.airflow_url)
    page.locator("input[name=username]").fill(settings.admin_user)
    page.locator("input[name=password]").fill(settings.admin_password.get_secret_value())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="InsightFlow", exact=True)).to_be_visible()
    try:
        yield page
    finally:
        context.close()


def walk(browser: Browser, settings: Settings, run_id: str) -> None:
    """From Airflow's log-in to the dashboard in its navigation, dbt's pages, a run's insights, and the tasks' links."""
    with logged_in(browser, settings) as page:
        _navigation(page, settings)
        _links(page, settings, run_id)


def _navigation(page: Page, settings: Settings) -> None:
    page.get_by_role("link", name="InsightFlow", exact=True).click()
    frame = page.frame_locator("iframe")
    frame.get_by_label("User name").fill(settings.admin_user)
    frame.get_by_label("Password").fill(settings.admin_password.get_secret_value())
    frame.get_by_label("Stay logged in on this device").check()
    frame.get_by_role("button", name="Log in").click()
    expect(frame.get_by_role("article").filter(has_text="Return on ad spend")).to_be_visible()

    page.get_by_role("link", name="dbt docs", exact=True).click()
    # Opened there: dbt's page where it was made, how to make it where not, and never the log-in once more.
    inside = page.frame_locator("iframe")
    made, not_yet = inside.get_by_placeholder("Search for models"), inside.get_by_role("heading", name="Not made yet")
    expect(made.or_(not_yet).first).to_be_visible()


def _links(page: Page, settings: Settings, run_id: str) -> None:
    run = f"{settings.airflow_url}/dags/{DAG}/runs/{quote(run_id, safe='')}"
    page.goto(run)
    page.get_by_role("link", name="Insights", exact=True).click()
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", level=1, name="Insights")).to_be_visible()
    expect(inside.locator(".chip")).to_contain_text(run_id)
    expect(inside.locator(".card").first).to_be_visible()

    for task, heading in (("publish_insights", "Insights"), ("build_marts", "Models and tests")):
        page.goto(f"{run}/tasks/{task}/details")
        opened = _followed(page)
        expect(opened.get_by_role("heading", level=1, name=heading)).to_be_visible()
        opened.close()


def _followed(page: Page) -> Page:
    """The page that a task's button opens."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="of this").click()
    return opened.value


def backfill(browser: Browser, settings: Settings, first: date, last: date, choices: list[tuple[str, str]]) -> None:
    """Start a backfill of the daily DAG by its dialog, and find it in the banner and in the list of backfills.

    ``choices`` of which runs to process again are made one after another, each with what the dialog says that it
    would run; the last one is started.
    """
    with logged_in(browser, settings) as page:
        page.goto(f"{settings.airflow_url}/dags/{DAG}")
        page.get_by_role("button", name="Trigger").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Backfill", exact=True).click()
        for field, day in enumerate((first, last)):
            dialog.get_by_test_id("datetime-input").nth(field).click()
            page.get_by_placeholder("YYYY/MM/DD").fill(f"{day:%Y/%m/%d}")
            page.keyboard.press("Escape")
            # The calendar fades: the next field's would open beside it.
            expect(page.get_by_placeholder("YYYY/MM/DD")).to_have_count(0)
        for choice, said in choices:
            dialog.get_by_text(choice, exact=True).click()
            expect(dialog.get_by_text(said, exact=True)).to_be_visible()
        dialog.get_by_role("button", name="Run Backfill").click()
        expect(page.get_by_text("Backfill in progress")).to_be_visible()
        page.get_by_role("link", name="Backfills", exact=True).click()
        expect(page.get_by_role("row").filter(has_text=choice).filter(has_text=f"{first:%Y-%m-%d}")).to_be_visible()
