"""How long the overview takes: from the start of the navigation until its numbers are painted."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page

# Notes when the first tile has a figure, after the frame that shows it: a message is handled after the paint.
_NOTE = """(() => {
  const look = () => {
    if (!/[0-9]/.test(document.querySelector('.tile .figure')?.textContent ?? '')) return false;
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => { globalThis.paintedAt = performance.now(); };
      after.port2.postMessage(0);
    });
    return true;
  };
  new MutationObserver((_, watching) => look() && watching.disconnect()).observe(document, { subtree: true, childList: true, characterData: true });
})()"""


def watch(context: BrowserContext) -> None:
    """Note the moment on every page of the context."""
    context.add_init_script(_NOTE)


def painted(page: Page, url: str, patience: float = 30) -> float:
    """Open the overview at the address; seconds until its numbers are there."""
    page.goto("about:blank")
    page.goto(url, wait_until="commit")
    for _ in range(int(patience * 100)):
        if at := page.evaluate("globalThis.paintedAt ?? 0"):
            return float(at) / 1000
        page.wait_for_timeout(10)
    raise TimeoutError(f"no numbers at {url} after {patience} s")
