// The rows of the exports behind an insight, each with its file and line.
import { html } from "../lib/html.js";
import { read } from "../lib/api.js";
import { count, day, money, number, span, whole } from "../lib/format.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Table } from "../lib/parts.js";
import { Link, toView } from "../lib/query.js";
import { Title } from "../lib/shell.js";

const fileName = (uri) => uri.split("/").at(-1);

export default function Rows({ query }) {
  return query.id ? html`<${OfInsight} query=${query} />` : html`<${Title}>Rows behind the numbers<//>
    <${Empty} title="Of which insight?">The address names none. <${Link} href=${toView("inbox")}>Choose one among the insights<//>, and there “Rows behind this”.<//>`;
}

function OfInsight({ query }) {
  const from = useLoad(async () => {
    const [insight, rows] = await Promise.all([read(`insights/${query.id}`), read(`insights/${query.id}/rows`, { limit: 500 })]);
    return { insight, rows };
  }, [query.id]);
  return html`<${Loaded} from=${from} lines=${10}>
    ${({ insight, rows }) => html`
      <p class="chips"><${Link} href=${toView("inbox", { id: insight.id })}>Back to the insight<//></p>
      <${Title} lead="${insight.title}, ${span(insight.date_start, insight.date_end)}">Rows behind the numbers<//>
      ${rows.items.length
        ? html`<p class="soft small">${rows.total > rows.items.length ? `The ${whole(rows.items.length)} costliest of ${count(rows.total, "row")}` : count(rows.total, "row")}, as the platform exported them, money in account currency. A day without rows had none in the newest export.</p>
          <div class="grid plain-links"><${Table} stack caption="Rows of the exports" rows=${rows.items} columns=${[
            { key: "name", label: "Row", cell: (row) => html`<span class="named">${[row.campaign_name, row.ad_group_name, row.ad_name].filter(Boolean).join(" › ") || row.account_name || row.account_id}<small class="below soft">${row.account_name ?? row.account_id}</small></span>` },
            { key: "date", label: "Day", cell: (row) => html`<span class="nowrap">${day(row.date)}</span>` },
            { key: "impressions", label: "Impressions", align: "end", cell: (row) => whole(row.impressions) },
            { key: "clicks", label: "Clicks", align: "end", cell: (row) => whole(row.clicks) },
            { key: "cost", label: "Spend", align: "end", cell: (row) => money(row.cost, row.currency, 2) },
            { key: "conversions", label: "Conversions", align: "end", cell: (row) => number(row.conversions, Number.isInteger(row.conversions) ? 0 : 2) },
            { key: "value", label: "Value", align: "end", cell: (row) => money(row.conversion_value, row.currency, 2) },
            { key: "file", label: "File and line", cell: (row) => html`<span class="named file"><${Link} href=${toView("health", { tab: "files", file: fileName(row.uri) })} title=${row.uri}>${fileName(row.uri)}<//><small class="below soft">line ${row.row_number}</small></span>` },
          ]} /></div>`
        : html`<${Empty} title="No rows in these days">The newest exports list none for it, which may be the finding itself. Look at the days around it under Trends.<//>`}`}
  <//>`;
}
