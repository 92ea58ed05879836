// What surrounds every view: navigation, filters, and whether the numbers can be trusted.
import { html, useEffect, useState } from "./html.js";
import { logOut, userName } from "./api.js";
import { ago, count, day, dayAndWeekday, moment, span, whole } from "./format.js";
import { Empty } from "./load.js";
import { Choice, Select } from "./parts.js";
import { daysOf, isReversed, Link, periodOf, previousOf, set, toView, useQuery, withQuery } from "./query.js";

export const VIEWS = [
  ["overview", "Overview", "M3 12h4l3-8 4 16 3-8h4"],
  ["inbox", "Insights", "M4 13l2-8h12l2 8v6H4zM4 13h4l2 3h4l2-3h4"],
  ["trends", "Trends", "M4 19V5M4 19h16M7 15l4-5 3 3 5-7"],
  ["campaigns", "Campaigns", "M4 6h16M4 12h16M4 18h10"],
  ["pacing", "Pacing", "M12 20a8 8 0 1 1 8-8M12 12l5-4"],
  ["health", "Data health", "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM9 12l2 2 4-4"],
];

const Icon = ({ path }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`;

export function Navigation({ view, open }) {
  return html`<nav class="views" aria-label="Views">
    <ul>
      ${VIEWS.map(
        ([key, name, path]) => html`<li key=${key}>
          <${Link} href=${toView(key)} aria-current=${key === view ? "page" : undefined}>
            <${Icon} path=${path} /><span>${name}</span>
            ${key === "inbox" && open > 0 && html`<b class="badge"><span class="visually-hidden">, open: </span>${whole(open)}</b>`}
          <//>
        </li>`,
      )}
    </ul>
  </nav>`;
}

const THEMES = [["", "System"], ["light", "Light"], ["dark", "Dark"]];

export function Account() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "");
  const choose = (name) => {
    setTheme(name);
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("insightflow.theme", name);
    dispatchEvent(new Event("insightflow:theme"));
  };
  return html`<div class="account">
    <${Select} text="Theme" value=${theme} options=${THEMES} onChange=${choose} />
    <p class="small"><${Link} href=${toView("docs")}>Data dictionary<//><a href="/docs">API</a></p>
    <p class="small"><span class="who" title=${userName()}>${userName()}</span><button type="button" class="link" onClick=${logOut}>Log out</button></p>
  </div>`;
}

const PERIODS = [["1", "Last day"], ["7", "7 days"], ["28", "28 days"], ["90", "90 days"]];
const COMPARE = [["previous", "the days before"], ["week", "the same weekdays"], ["year", "the year before"]];

export function Filters({ meta }) {
  const query = useQuery();
  const last = meta.freshness.last_date;
  const period = periodOf(query, last);
  const given = Boolean(query.from || query.to);
  const periods = query.view === "trends" ? PERIODS.slice(1) : PERIODS;
  const names = [...new Set([...meta.workspaces, meta.workspace])];
  return html`<form class="filters" aria-label="What is shown" onSubmit=${(event) => event.preventDefault()}>
    <${Select} text="Workspace" hidden=${names.length < 2} value=${meta.workspace} options=${names.map((name) => [name, name])}
      onChange=${(workspace) => set({ workspace })} />
    <${Choice} legend="Period" name="days" value=${given ? "given" : daysOf(query)} options=${periods} onChange=${(days) => set({ days, from: "", to: "" })} />
    ${period && html`<span class="dates">
      <label class="pick"><span>From</span><input type="date" value=${period.from} max=${period.to}
        onChange=${(event) => event.target.value && set({ from: event.target.value, to: period.to })} /></label>
      <label class="pick"><span>to</span><input type="date" value=${period.to} min=${period.from}
        onChange=${(event) => event.target.value && set({ from: period.from, to: event.target.value })} /></label>
    </span>`}
    ${isReversed(query) && html`<p class="soft small" role="status">The dates of the address were the wrong way round: ${span(period.from, period.to)} is shown.</p>`}
    <${Select} text="Compared with" value=${query.compare} options=${COMPARE} onChange=${(compare) => set({ compare })} />
  </form>`;
}

// What the period is compared with. `whole` is false where the numbers do not reach back that far: then nothing is compared.
export const comparison = (query, period, meta) => {
  const before = previousOf(period, query.compare);
  const names = { week: "the same weekdays before", year: "the year before" };
  const plain = period.days === 1 ? day(before.from, { weekday: "long", day: "numeric", month: "short" }) : `the ${count(period.days, "day")} before`;
  const whole = Boolean(meta.freshness.first_date) && before.from >= meta.freshness.first_date;
  return { ...before, whole, name: names[query.compare] ?? plain, short: period.days === 1 ? dayAndWeekday(before.from) : span(before.from, before.to) };
};

// Yesterday's numbers are there in the morning, those of a slow platform a day or two later.
const LATE_DAYS = 3;
const old = (iso) => Date.now() - Date.parse(`${iso}T00:00:00Z`) > (LATE_DAYS + 1) * 864e5;

// A run takes about a minute: files that wait longer are not in the figures for a reason.
const SLOW_MS = 10 * 60e3;

// Whether a run has looked for insights in all that was loaded.
export const judged = ({ last_loaded_at: loaded, last_published_at: published }) => Boolean(loaded && published && loaded <= published);

// Where no insight is open: all is well only if it was looked for.
export function Quiet({ freshness, children }) {
  if (judged(freshness)) return html`<${Empty} title="All quiet">${children}<//>`;
  return freshness.last_loaded_at
    ? html`<${Empty} title="Not judged yet">What was loaded last is looked through by the run that follows it, and none has ended since. <${Link} href=${toView("health", { tab: "checks" })}>What keeps it<//><//>`
    : html`<${NoInsights} />`;
}

export const NoInsights = () => html`<${Empty} title="No insights yet">They come with the first run; what is unusual is known once there are four weeks of numbers to compare with.<//>`;

// Whether the figures hold what was loaded; where they do not, of when they are, and where it says why.
function lag({ failed_build: failed, last_loaded_at: loaded, last_published_at: published }) {
  const figures = published ? `figures are of ${moment(published)}` : "there are no figures yet";
  if (failed) {
    const href = `/dbt-docs/builds?${new URLSearchParams({ run: failed.run_id, layer: failed.layer })}`;
    return ["bad", `The last run failed in ${failed.layer}, ${ago(failed.finished_at)}; ${figures}`, href];
  }
  if (!loaded || judged({ last_loaded_at: loaded, last_published_at: published })) return null;
  return Date.now() - Date.parse(loaded) > SLOW_MS ? ["warn", `What was loaded last is in no figures yet; ${figures}`, toView("health", { tab: "checks" })] : null;
}

// Freshness and quality in one line, in every view; the details are one click away.
export function Trust({ meta }) {
  const { freshness, quality } = meta;
  const refused = (freshness.files.rejected ?? 0) + (freshness.files.failed ?? 0);
  const checks = {
    ok: ["good", `All ${count(quality.expectations, "check")} passed`],
    warning: ["warn", `${count(quality.warnings, "quality warning")}`],
    error: ["bad", `${count(quality.errors, "quality error")}`],
    unknown: ["warn", "Quality not checked yet"],
  }[quality.state];
  const facts = [
    freshness.last_date ? [old(freshness.last_date) ? "warn" : "good", `Numbers to ${dayAndWeekday(freshness.last_date)}`] : ["warn", "No numbers yet"],
    checks,
    freshness.provisional_days ? ["warn", "Youngest days may still change"] : null,
    refused ? ["bad", `${count(refused, "file")} refused`] : null,
    freshness.unpriced ? ["warn", "Some money has no exchange rate"] : null,
    lag(freshness),
    freshness.last_loaded_at ? ["plain", `Loaded ${ago(freshness.last_loaded_at)}`] : null,
  ].filter(Boolean);
  return html`<section class="trust" aria-label="Can the numbers be trusted">
    <ul>${facts.map(([kind, text, href]) => html`<li key=${text} class=${kind}>${href ? html`<a href=${href}>${text}</a>` : text}</li>`)}</ul>
    <${Link} href=${toView("health")}>Data health<//>
  </section>`;
}

// The heading of a view; it takes the focus when the reader comes from another one.
export function Title({ children, lead }) {
  return html`<header class="title"><h1 id="title" tabindex="-1">${children}</h1>${lead && html`<p class="lead">${lead}</p>`}</header>`;
}

export function useTitle(view) {
  const name = VIEWS.find(([key]) => key === view)?.[1] ?? { rows: "Rows", docs: "Data dictionary" }[view] ?? "Overview";
  useEffect(() => {
    document.title = `${name} · InsightFlow`;
  }, [name]);
}

export { withQuery };
