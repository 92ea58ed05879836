// The way to pages of their own (dbt's documentation, the quality checks): a browser sends no token with a page, so this
// trades it for a cookie first.
import { html } from "../lib/html.js";
import { change } from "../lib/api.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Title } from "../lib/shell.js";

const PAGES = ["/quality", "/dbt-docs"];

// The page that was asked for before the log-in, where it is one of these.
function wanted() {
  const page = new URLSearchParams(location.search).get("open") ?? "/dbt-docs";
  const root = PAGES.find((path) => page === path || page.startsWith(`${path}/`) || page.startsWith(`${path}?`));
  return root ? { root, page } : { root: "/dbt-docs", page: "/dbt-docs" };
}

// A browser that sends no cookie to a frame of another site would go round in a circle.
const TRIED = "insightflow.opened";
function cameBack() {
  const before = Number(sessionStorage.getItem(TRIED));
  sessionStorage.setItem(TRIED, Date.now());
  return Date.now() - before < 5000;
}

export default function Docs({ query }) {
  const from = useLoad(async () => {
    const { root, page } = wanted();
    if (query.missing) return { missing: true };
    if (window.top !== window.self && cameBack()) return { page };
    await change(`${root}/session`, {}, "POST");
    location.replace(page);
    return {};
  }, []);
  return html`<${Title}>${wanted().root === "/quality" ? "Quality of the data" : "Data dictionary"}<//>
    <${Loaded} from=${from} what="Opening the page">
      ${({ missing, page }) =>
        missing ? html`<${Empty} title="Not made yet">Run <code>bin/insightflow docs</code> where the services run: it writes the documentation of every table and column, and this page then opens it.<//>`
        : page ? html`<${Empty} title="Not in this frame"><a href=${page} target="_blank" rel="noopener">Open it in a page of its own</a><//>`
        : html`<p class="soft">Opening the page…</p>`}
    <//>`;
}
