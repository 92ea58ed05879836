// The page: a log-in, then one of the views inside the shell. Views are loaded when they are first asked for.
import { html, render, useEffect, useLayoutEffect, useRef, useState } from "./lib/html.js";
import { loggedIn, onLogOut, read, restored } from "./lib/api.js";
import { Empty, Failure, useLoad, Waiting } from "./lib/load.js";
import { Link, periodOf, useQuery, withQuery } from "./lib/query.js";
import { Account, Filters, Navigation, Trust, useTitle } from "./lib/shell.js";
import { LogIn } from "./views/login.js";
import { Overview } from "./views/overview.js";

const LATER = {
  inbox: () => import("./views/inbox.js"),
  trends: () => import("./views/trends.js"),
  campaigns: () => import("./views/campaigns.js"),
  pacing: () => import("./views/pacing.js"),
  health: () => import("./views/health.js"),
  rows: () => import("./views/rows.js"),
  docs: () => import("./views/docs.js"),
};
// Views whose numbers are of a period, and compare it with another.
const COMPARABLE = ["overview", "trends", "campaigns"];

function View({ query, meta }) {
  const [view, setView] = useState(query.view === "overview" ? { name: "overview", Part: Overview } : null);
  useEffect(() => {
    if (view?.name === query.view) return undefined;
    let wanted = true;
    const load = LATER[query.view];
    if (!load) setView({ name: query.view, Part: Overview });
    else
      load().then(
        (module) => wanted && setView({ name: query.view, Part: module.default }),
        (error) => wanted && setView({ name: query.view, error }),
      );
    return () => {
      wanted = false;
    };
  }, [query.view]);
  if (view?.error) return html`<${Failure} error=${view.error} />`;
  if (view?.name !== query.view) return html`<${Waiting} lines=${8} />`;
  return html`<${view.Part} query=${query} meta=${meta} period=${meta && periodOf(query, meta.freshness.last_date)} />`;
}

// A name of the address of which no data is there: who sees all workspaces is refused none.
const isStrange = ({ workspace }, { workspaces, freshness }) => workspace && !freshness.last_date && !workspaces.includes(workspace);

const NoWorkspace = ({ name, names }) => html`<${Empty} title="No workspace ${name} has data">The address names it. ${names.length ? "Choose one that has: " : "None has data yet: load an export first."}
  ${names.map((known, n) => html`${n ? ", " : " "}<${Link} href=${withQuery({ workspace: known })}>${known}<//>`)}<//>`;

function Inside() {
  const query = useQuery();
  const from = useLoad(() => read("insights/summary", { workspace: query.workspace }), [query.workspace]);
  const main = useRef(null);
  const known = from.data;
  useTitle(query.view);
  // A reader who changes the view starts at its heading; the first one starts at the top of the page.
  const first = useRef(true);
  useLayoutEffect(() => {
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [query.view]);
  useEffect(() => {
    addEventListener("insightflow:changed", from.again);
    return () => removeEventListener("insightflow:changed", from.again);
  }, [from.again]);
  return html`<div class="shell">
    <a class="skip" href="#main">Skip to the content</a>
    <header class="side">
      <p class="brand"><img src="/assets/dashboard/icon.svg" alt="" width="26" height="26" />InsightFlow</p>
      <${Navigation} view=${query.view} open=${known?.insights.open ?? 0} />
      <${Account} />
    </header>
    <div class="page">
      ${known && html`<p class="printed">Workspace <b>${known.workspace}</b></p><${Trust} meta=${known} />`}
      ${known && COMPARABLE.includes(query.view) && html`<${Filters} meta=${known} />`}
      <main id="main" tabindex="-1" ref=${main}>
        ${query.view === "docs" ? html`<${View} query=${query} meta=${known} />` : from.error ? html`<${Failure} error=${from.error} again=${from.again} />` : known && isStrange(query, known) ? html`<${NoWorkspace} name=${query.workspace} names=${known.workspaces} />` : known ? html`<${View} query=${query} meta=${known} />` : html`<${Waiting} lines=${8} />`}
      </main>
    </div>
  </div>`;
}

function App() {
  const [inside, setInside] = useState(loggedIn() || null);
  useEffect(() => onLogOut(() => setInside(false)), []);
  useEffect(() => {
    if (inside === null) restored().then(setInside, () => setInside(false));
  }, []);
  if (inside === null) return null;
  return inside ? html`<${Inside} />` : html`<${LogIn} onDone=${() => setInside(true)} />`;
}

render(html`<${App} />`, document.getElementById("app"));
