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

export default function Docs() {
  const from = useLoad(async () => {
    const { root, page } = wanted();
    try {
      await change(`${root}/session`, {}, "POST");
    } catch (problem) {
      if (problem.status === 404) return { missing: true };
      throw problem;
    }
    location.replace(page);
    return {};
  }, []);
  return html`<${Title}>Data dictionary<//>
    <${Loaded} from=${from} what="Opening the page">
      ${({ missing }) => (missing ? html`<${Empty} title="Not made yet">Run <code>bin/insightflow docs</code> where the services run: it writes the documentation of every table and column, and this page then opens it.<//>` : html`<p class="soft">Opening the page…</p>`)}
    <//>`;
}
