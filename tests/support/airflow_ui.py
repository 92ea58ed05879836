"""Airflow's own pages in a browser: log in, look at the navigation, a run and its tasks, and open what they link to."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect

from include.settings import Settings
from tests.support.browser import DESK

DAG = "marketing_daily"
# A cold api-server draws its first page slowly on a busy machine.
PATIENCE = 60_000


def walk(browser: Browser, settings: Settings, run_id: str) -> None:
    """From Airflow's log-in to the dashboard in its navigation, dbt's pages, a run's insights, and the tasks' links."""
    airflow = f"http://127.0.0.1:{settings.airflow_port}"
    name, password = settings.admin_user, settings.admin_password.get_secret_value()
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    page.goto(airflow)
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="InsightFlow").click()
    frame = page.frame_locator("iframe")
    frame.get_by_label("User name").fill(name)
    frame.get_by_label("Password").fill(password)
    frame.get_by_label("Stay logged in on this device").check()
    frame.get_by_role("button", name="Log in").click()
    expect(frame.get_by_role("article").filter(has_text="Return on ad spend")).to_be_visible()

    page.get_by_role("link", name="dbt docs").click()
    # Opened there: dbt's page where it was made, how to make it where not, and never the log-in once more.
    inside = page.frame_locator("iframe")
    made, not_yet = inside.get_by_placeholder("Search for models"), inside.get_by_role("heading", name="Not made yet")
    expect(made.or_(not_yet).first).to_be_visible()

    run = f"{airflow}/dags/{DAG}/runs/{quote(run_id, safe='')}"
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
    context.close()


def _followed(page: Page) -> Page:
    """The page that a task's button opens."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="of this").click()
    return opened.value
