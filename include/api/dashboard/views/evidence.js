// Why an insight was raised: the metric on a line with what was to be expected, the figures, and the way to the rows.
import { html } from "../lib/html.js";
import { read } from "../lib/api.js";
import { Chart } from "../lib/chart.js";
import { count, day, label, money, number, percent, ratio } from "../lib/format.js";
import { Loaded, useLoad } from "../lib/load.js";
import { fromSeries, METRICS } from "../lib/metrics.js";
import { Table } from "../lib/parts.js";
import { Link, toView } from "../lib/query.js";

// ROI is shown as ROAS, which is what the other views have.
const lifted = (metric, value) => (value === null || value === undefined ? null : metric === "roi" ? value + 1 : value);

const entityParams = (insight) => ({
  platform: insight.platform ?? "",
  account: insight.account_id ?? "",
  ...(insight.entity_type === "campaign" ? { campaign: insight.entity_id ?? "", name_campaign: insight.entity_name ?? "" } : {}),
  ...(insight.entity_type === "account" ? { name_account: insight.entity_name ?? "" } : {}),
});

export function Evidence({ insight }) {
  const from = useLoad(() => read(`insights/${insight.id}/evidence`), [insight.id]);
  return html`<${Loaded} from=${from} lines=${6}>
    ${(found) => {
      const metric = METRICS[fromSeries(found.metric)];
      const days = found.points.map((point) => {
        const band = point.band[found.metric];
        const inside = point.date >= found.date_start && point.date <= found.date_end;
        const mark = point.anomalies.find((one) => one.metric === found.metric) ?? (inside && insight.evidence.metrics && insight.evidence.dates?.includes?.(point.date) ? insight : null);
        return {
          date: point.date, young: point.is_provisional, value: lifted(found.metric, point.values[found.metric]),
          expected: lifted(found.metric, band?.expected), lower: lifted(found.metric, band?.lower), upper: lifted(found.metric, band?.upper),
          mark: mark && { severity: mark.severity, text: label(mark.kind) },
        };
      });
      const currency = found.currency ?? insight.impact_currency;
      return html`
        ${days.some((entry) => entry.value !== null) && html`<${Chart} days=${days} write=${(value) => metric.write(value, currency)} axis=${(value) => metric.write(value, "")}
          label="${metric.label}${metric.money && currency ? `, ${currency}` : ""}" height=${220} />`}
        <${Figures} insight=${insight} />
        <p class="ways">
          <${Link} href=${toView("rows", { id: insight.id })}>Rows behind this<//>
          <${Link} href=${toView("trends", { ...entityParams(insight), metric: fromSeries(found.metric), to: found.date_end, from: "" })}>Open in trends<//>
          ${insight.entity_type !== "workspace" && html`<${Link} href=${toView("inbox", { status: "any", entity: insight.entity_id, name: insight.entity_name, from: "", to: "" })}>All of ${insight.entity_type === "platform" ? label(insight.entity_name) : `“${insight.entity_name}”`}<//>`}
        </p>`;
    }}
  <//>`;
}

// Evidence as the detector and the comparison write it; what is not known here is shown by its name.
function Figures({ insight }) {
  const { metrics, children, children_number: others, sql } = insight.evidence;
  const known = Array.isArray(metrics) && metrics.length;
  return html`
    ${known
      ? html`<${Table} caption="What left its expected band" rows=${metrics} rowKey=${(row) => row.metric} columns=${[
          { key: "metric", label: "On the last day", cell: (row) => METRICS[fromSeries(row.metric)].label },
          { key: "value", label: "Was", align: "end", cell: (row) => figure(row.metric, row.value) },
          { key: "expected", label: "Expected", align: "end", cell: (row) => figure(row.metric, row.expected) },
          { key: "band", label: "Band", align: "end", cell: (row) => `${figure(row.metric, row.lower)} to ${figure(row.metric, row.upper)}` },
          { key: "z", label: "Surprise", title: "Distance from the expected in standard deviations", align: "end", cell: (row) => (row.z_score === null ? "–" : `${number(row.z_score, 1)}\u202fσ`) },
        ]} />
        <p class="soft small">${insight.impact_currency ? `Money in ${insight.impact_currency}. ` : ""}Surprise: how many standard deviations from the expected.</p>`
      : html`<dl class="scalars">${scalars(insight.evidence).map(([name, value]) => html`<div><dt>${label(name)}</dt><dd>${value}</dd></div>`)}</dl>`}
    ${insight.impact_basis && html`<p class="small"><b>The money:</b> ${insight.impact_basis} <b>How sure:</b> ${percent(insight.confidence, 0)}.</p>`}
    ${others > 0 && html`<p class="small">Explains ${count(others, "other deviation")}: ${children.slice(0, 5).map((one) => `${label(one.entity_type)} ${one.entity_type === "platform" ? label(one.entity_name) : `“${one.entity_name}”`}`).join(", ")}${others > 5 ? " …" : "."}</p>`}
    ${sql && html`<details class="small"><summary>The same as SQL</summary><pre tabindex="0"><code>${sql}</code></pre></details>`}`;
}

const figure = (name, value) => {
  const shown = lifted(name, value);
  return METRICS[fromSeries(name)].write(shown, "");
};

const WRITE = {
  cost: (value) => money(value, "", 0), value: (value) => money(value, "", 0), peer_cost: (value) => money(value, "", 0), peer_value: (value) => money(value, "", 0),
  budget: (value) => money(value, "", 0), spend_to_date: (value) => money(value, "", 0), expected_to_date: (value) => money(value, "", 0), projected_spend: (value) => money(value, "", 0),
  pace: (value) => percent(value, 0), roi: (value) => percent(value, 0), usual_roi: (value) => percent(value, 0), peer_roi: (value) => percent(value, 0),
};
const scalars = (evidence) =>
  Object.entries(evidence)
    .filter(([name, value]) => name !== "sql" && (typeof value === "number" || (typeof value === "string" && value.length < 60)))
    .map(([name, value]) => [name, typeof value === "number" ? (WRITE[name] ?? ((n) => (Number.isInteger(n) ? number(n, 0) : ratio(n))))(value) : /^\d{4}-\d\d-\d\d$/.test(value) ? day(value) : value]);
