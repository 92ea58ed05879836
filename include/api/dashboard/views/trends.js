// A metric by day: what was to be expected, what came, and the days that stand out.
import { html, useMemo } from "../lib/html.js";
import { read } from "../lib/api.js";
import { count, dayAndWeekday, label, money, NONE, span } from "../lib/format.js";
import { depth, filters, nameOf, next, paramsOf, plural, Trail } from "../lib/entity.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { fromSeries, LONG, METRICS } from "../lib/metrics.js";
import { Chart } from "../lib/chart.js";
import { Change, Choice, NoRate, Severity, Table } from "../lib/parts.js";
import { compareOf, Link, set, toView, withQuery } from "../lib/query.js";
import { comparison, Title } from "../lib/shell.js";

const SHOWN = ["spend", "value", "roas", "cpa", "conversions", "clicks", "ctr", "cpc"];
// The detector judges the return as ROI, which is ROAS − 1.
const detected = (metric) => (metric === "roas" ? "roi" : METRICS[metric].series);

export default function Trends({ query, meta, period }) {
  const metric = query.metric in METRICS ? query.metric : "spend";
  const ours = { workspace: meta.workspace, date_from: period?.from, date_to: period?.to, ...filters(query) };
  const before = period && comparison(query, period, meta);
  const keys = [JSON.stringify(ours), metric, query.compare];
  const trends = useLoad(
    () => period && read("analytics/trends", { ...ours, metrics: [...new Set([METRICS[metric].series, detected(metric)])], compare: compareOf(query) }),
    keys,
  );
  if (!period) return html`<${Title}>Trends<//><${Empty} title="No numbers yet">Load an export first; its days appear here.<//>`;
  const at = depth(query);
  const what = at ? (at === "platform" ? label(query.platform) : query[`name_${at}`] || query[at]) : "All platforms";
  return html`
    <${Trail} query=${query} />
    <${Title} lead="${METRICS[metric].label}${LONG[metric] ? ` (${LONG[metric]})` : ""} by day, ${span(period.from, period.to)}">${what}<//>
    <${Choice} legend="Metric" name="metric" value=${metric} options=${SHOWN.map((key) => [key, METRICS[key].label])} onChange=${(key) => set({ metric: key })} />
    <section class="panel" aria-label="${METRICS[metric].label} by day">
      <${Loaded} from=${trends} lines=${9}>${(answer) => html`<${Line} answer=${answer} metric=${metric} what=${what} query=${query} />`}<//>
    </section>
    <div class="columns even">
      <${Parts} query=${query} ours=${ours} metric=${metric} at=${at} before=${before} />
      <${Anomalies} query=${query} ours=${ours} at=${at} currency=${meta.currency} />
    </div>`;
}

function Line({ answer, metric, what, query }) {
  const days = useMemo(() => daysOf(answer, metric), [answer, metric]);
  const { write } = METRICS[metric];
  const currency = answer.currency;
  if (!days.some((entry) => entry.value !== null)) return html`<${NoLine} points=${answer.series[0]?.points ?? []} metric=${metric} what=${what} currency=${currency} />`;
  const compareLabel = { previous: "days before", week: "same weekdays before", year: "a year before" }[query.compare] ?? "before";
  const plain = METRICS[metric].money ? (value) => compact(value) : (value) => write(value);
  return html`
    <${Chart} days=${days} write=${(value) => write(value, currency)} axis=${plain} compareLabel=${compareLabel}
      label="${METRICS[metric].label}${METRICS[metric].money && currency ? `, ${currency}` : ""}" height=${320} />
    ${!depth(query) && html`<p class="soft small">The expected band is known for a platform, an account or a campaign: choose one below.</p>`}
    ${answer.notes.map((note) => html`<p class="soft small">${note}</p>`)}`;
}

// Why there is nothing to draw: a rate is missing, the exports do not say it, or no file is there.
function NoLine({ points, metric, what, currency }) {
  const { label: name, money: isMoney } = METRICS[metric];
  if ((isMoney || metric === "roas") && points.some((point) => point.unpriced_rows)) return html`<${Empty} title="No money in these days"><${NoRate} to=${currency} /><//>`;
  if (points.some((point) => point.has_data)) return html`<${Empty} title="No ${name} in these days">The exports of ${what} have numbers, but none that make ${name}. Choose another metric or other dates.<//>`;
  return html`<${Empty} title="Nothing in these days">No file covers them for ${what}. Choose other dates, or look under Data health.<//>`;
}

const compact = (value) => (Math.abs(value) >= 10_000 ? `${(value / 1000).toLocaleString("en-US", { maximumFractionDigits: 1 })}k` : value.toLocaleString("en-US"));

// The API's points as days of a chart.
export function daysOf(answer, metric) {
  const own = METRICS[metric].series;
  const judged = detected(metric);
  const lift = metric === "roas" ? 1 : 0;
  const raised = (value) => (value === null || value === undefined ? null : value + lift);
  return (answer.series[0]?.points ?? []).map((point) => {
    const band = point.band[judged];
    const mark = point.anomalies.find((one) => one.metric === judged);
    return {
      date: point.date,
      value: point.values[own] ?? null,
      compare: point.previous ? (point.previous[own] ?? null) : undefined,
      expected: raised(band?.expected),
      lower: raised(band?.lower),
      upper: raised(band?.upper),
      young: point.is_provisional,
      mark: mark && { severity: mark.severity, text: mark.entity_name && mark.entity_type === "platform" ? `${label(mark.kind)}, ${label(mark.entity_id)}` : label(mark.kind) },
    };
  });
}

// What the whole is made of: one level down, each a way deeper.
function Parts({ query, ours, metric, at, before }) {
  const level = at === "ad" ? null : at ? next(at) : "platform";
  const own = METRICS[metric].series;
  const from = useLoad(
    () => level && read("analytics/roi", { ...ours, group_by: level, compare: before.whole ? compareOf(query) : "", order_by: "cost", limit: 12 }),
    [JSON.stringify(ours), level, query.compare, before.whole],
  );
  if (!level) return html`<div></div>`;
  const { write, better, money: isMoney } = METRICS[metric];
  return html`<section aria-labelledby="parts">
    <h2 id="parts">By ${plural(level).replace(/s$/, "")}</h2>
    <${Loaded} from=${from}>
      ${(page) => page.items.length
        ? html`<div class="plain-links"><${Table} caption="${METRICS[metric].label} of ${plural(level)}" rows=${page.items} columns=${[
            { key: "name", label: plural(level).replace(/^./, (c) => c.toUpperCase()), cell: (row) => html`<${Link} href=${withQuery(paramsOf(row, level), query)}>${nameOf(row, level)}<//>` },
            { key: "value", label: `${METRICS[metric].label}${isMoney && page.currency ? `, ${page.currency}` : ""}`, align: "end", cell: (row) => write(row[own], "") },
            { key: "change", label: "Change", align: "end", cell: (row) => html`<${Change} share=${row.change?.[own] ?? null} better=${better} />` },
          ]} /></div>`
        : html`<${Empty} title="Nothing below this">The exports of these days name no ${plural(level)} here.<//>`}
    <//>
  </section>`;
}

function Anomalies({ query, ours, at, currency }) {
  const known = ["platform", "account", "campaign"].includes(at);
  // One cause shows on every level; without a choice the coarsest is enough.
  const entity = known ? { entity_type: at, entity_id: query[at] } : { entity_type: "platform" };
  const { date_from, date_to, workspace, platform, account_id } = ours;
  const from = useLoad(
    () => (at && !known ? { items: [], notes: [] } : read("analytics/anomalies", { workspace, platform, account_id: at === "campaign" ? account_id : "", date_from, date_to, limit: 60, ...entity })),
    [JSON.stringify(ours), at],
  );
  return html`<section aria-labelledby="anomalies">
    <header class="section"><h2 id="anomalies">Days that stand out</h2><${Link} href=${toView("inbox")}>Insights<//></header>
    <${Loaded} from=${from}>${(page) => {
      const events = eventsOf(page.items);
      if (!events.length) return html`<${Empty} title="Nothing stands out">${at && !known ? "Ad groups and ads are not judged by themselves." : "Every judged metric stayed in its expected band."}<//>`;
      return html`<div class="plain-links"><${Table} caption="Anomalies" rows=${events} columns=${[
        { key: "date", label: "Day", cell: (row) => dayAndWeekday(row.date) },
        { key: "what", label: "What", cell: (row) => html`<${Severity} level=${row.severity} /><br /><${Link} href=${withQuery({ ...paramsOf(entityRow(row), row.entity_type), metric: fromSeries(row.metric) }, query)}>${label(row.kind)}${at === row.entity_type ? "" : `, ${row.entity_type === "platform" ? label(row.entity_id) : row.entity_name}`}<//>` },
        { key: "stake", label: `At stake${currency ? `, ${currency}` : ""}`, align: "end", cell: (row) => (row.impact_reporting === null ? NONE : money(row.impact_reporting, row.impact_currency === currency ? "" : row.impact_currency, 0)) },
      ]} /></div>
      ${page.next_cursor && html`<p class="soft small">The ${count(page.items.length, "flag")} with most money are shown.</p>`}`;
    }}<//>
  </section>`;
}

const entityRow = (row) => ({
  platform: row.platform,
  account_id: row.entity_type === "account" ? row.entity_id : row.account_id,
  account_name: row.account_name,
  campaign_id: row.entity_id,
  campaign_name: row.entity_name,
});

// Several metrics of an entity leave their band on a day: that is one event.
function eventsOf(items) {
  const events = new Map();
  for (const item of items) {
    const key = [item.date, item.platform, item.account_id, item.entity_type, item.entity_id].join("|");
    const known = events.get(key);
    if (!known || Math.abs(item.z_score ?? 0) > Math.abs(known.z_score ?? 0)) events.set(key, item);
  }
  return [...events.values()].sort((a, b) => b.date.localeCompare(a.date) || (b.impact_reporting ?? 0) - (a.impact_reporting ?? 0)).slice(0, 12);
}

