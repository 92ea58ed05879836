// What became of every file and row: files, rejected rows with the reason, numbers that a newer export changed.
import { html, useEffect, useState } from "../lib/html.js";
import { read } from "../lib/api.js";
import { ago, count, day, label, moment, money, number, span, whole } from "../lib/format.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Choice, Table } from "../lib/parts.js";
import { Link, set, withQuery } from "../lib/query.js";

const PAGE = 50;
const fileName = (uri) => uri.split("/").at(-1);

// A list with "Show more" below it; `children(rows, firstPage)`.
function Paged({ path, params, empty, children }) {
  const key = JSON.stringify([path, params]);
  const from = useLoad(() => read(path, { ...params, limit: PAGE }), [key]);
  const [more, setMore] = useState([]);
  useEffect(() => setMore([]), [from.data]);
  return html`<${Loaded} from=${from} lines=${8}>
    ${(page) => {
      const rows = [...page.items, ...more.flatMap((part) => part.items)];
      const cursor = more.length ? more.at(-1).next_cursor : page.next_cursor;
      if (!rows.length) return empty;
      return html`${children(rows, page)}
        ${cursor && html`<p><button type="button" onClick=${async () => setMore([...more, await read(path, { ...params, limit: PAGE, cursor })])}>Show ${PAGE} more</button></p>`}`;
    }}
  <//>`;
}

const STATES = { loaded: "good", duplicate: "", rejected: "bad", failed: "bad", removed: "" };
const reasons = (counts) => Object.entries(counts ?? {}).map(([reason, n]) => `${whole(n)} ${label(reason).toLowerCase()}`).join(", ");

export function Files({ query, meta }) {
  const status = query.status ?? "";
  return html`<div class="tools">
      <${Choice} legend="Status" name="file-status" value=${status} options=${[["", "All"], ["loaded", "Loaded"], ["duplicate", "Duplicate"], ["rejected", "Rejected"], ["failed", "Failed"], ["removed", "Removed"]]} onChange=${(key) => set({ status: key })} />
      <label class="pick grow"><span>File name</span><input type="search" value=${query.file ?? ""} placeholder="contains…" onChange=${(event) => set({ file: event.target.value.trim() }, { replace: true })} /></label>
    </div>
    <${Paged} path="data/files" params=${{ workspace: meta.workspace, status, name: query.file }}
      empty=${html`<${Empty} title="No files">${status || query.file ? "None with this status or name. Choose All and clear the name." : "Nothing came yet. Drop an export into the bucket."}<//>`}>
      ${(rows) => html`<div class="grid"><${Table} stack caption="Files" rows=${rows} rowKey=${(row) => row.file_id + row.loaded_at} columns=${[
        { key: "file", label: "File", cell: (row) => html`<span class="named"><span class="file" title=${row.uri}>${fileName(row.uri)}</span><small class="below soft">${[label(row.source), row.grain && `by ${label(row.grain).toLowerCase()}`, row.date_min && span(row.date_min, row.date_max)].filter(Boolean).join(", ")}</small></span>` },
        { key: "status", label: "Status", cell: (row) => html`<span class="tag ${STATES[row.status]}">${label(row.status)}</span>` },
        { key: "read", label: "Read", align: "end", cell: (row) => whole(row.rows_read) },
        { key: "loaded", label: "Loaded", align: "end", cell: (row) => whole(row.rows_loaded) },
        { key: "rejected", label: "Rejected", align: "end", cell: (row) => (row.rows_rejected ? html`<${Link} href=${withQuery({ tab: "rejects", file: row.file_id, status: "" }, query)} title=${reasons(row.rejected)}>${whole(row.rows_rejected)}<//>` : "0") },
        { key: "skipped", label: "Skipped", align: "end", cell: (row) => html`<span title=${reasons(row.skipped)}>${whole(row.rows_skipped)}</span>` },
        { key: "when", label: "When", cell: (row) => html`<span class="nowrap" title=${moment(row.loaded_at)}>${ago(row.loaded_at)}</span>` },
        { key: "why", label: "Why", cell: (row) => html`<span class="why-cell">${row.error || row.warnings.join(" ")}</span>` },
      ]} /></div>
      <p class="soft small">For every file: read = loaded + rejected + skipped.</p>`}
    <//>`;
}

export function Rejects({ query, meta }) {
  return html`<${Paged} path="data/rejects" params=${{ workspace: meta.workspace, reason: query.reason, file_id: query.file }}
    empty=${html`<${Empty} title="No row was rejected">${query.reason || query.file ? html`<${Link} href=${withQuery({ reason: "", file: "" }, query)}>Show all rejected rows<//>` : "Every row of every loaded file could be read."}<//>`}>
    ${(rows, page) => html`
      <div class="tools"><${Choice} legend="Reason" name="reason" value=${query.reason ?? ""} options=${[["", "All reasons"], ...Object.entries(page.reasons).map(([reason, n]) => [reason, `${label(reason)} (${whole(n)})`])]} onChange=${(reason) => set({ reason })} />
        ${query.file && html`<span class="chip">one file<${Link} href=${withQuery({ file: "" }, query)} aria-label="Rejected rows of all files">×<//></span>`}</div>
      <div class="grid"><${Table} stack caption="Rejected rows" rows=${rows} columns=${[
        { key: "where", label: "File and line", cell: (row) => html`<span class="named"><span class="file" title=${row.uri}>${fileName(row.uri)}</span><small class="below soft">line ${row.row_number}</small></span>` },
        { key: "reason", label: "Reason", cell: (row) => html`<span class="nowrap">${label(row.reason)}</span>` },
        { key: "detail", label: "Detail", cell: (row) => row.detail },
        { key: "raw", label: "As sent", cell: (row) => html`<code class="raw">${row.raw_text}</code>` },
      ]} /></div>`}
  <//>`;
}

export function Restatements({ query, meta }) {
  return html`<${Paged} path="data/restatements" params=${{ workspace: meta.workspace, metric: query.metric }}
    empty=${html`<${Empty} title="No number was restated">${query.metric ? "Choose all metrics to see the others." : "Platforms change young days as conversions arrive. When a newer export changes a number that was loaded before, it is listed here, before and after."}<//>`}>
    ${(rows) => html`
      <div class="tools"><${Choice} legend="Metric" name="restated" value=${query.metric ?? ""} options=${["", "cost", "conversion_value", "conversions", "clicks", "impressions"].map((name) => [name, { "": "All", cost: "Spend", conversion_value: "Value" }[name] ?? label(name)])} onChange=${(metric) => set({ metric })} /></div>
      <p class="soft small">${count(rows.length, "change")}, newest first.</p>
      <div class="grid"><${Table} stack caption="Numbers that a newer export changed" rows=${rows} columns=${[
        { key: "what", label: "What", cell: (row) => html`<span class="named">${row.entity_name ?? row.entity_id}<small class="below soft">${label(row.platform)}, ${label(row.grain).toLowerCase()}</small></span>` },
        { key: "date", label: "Day", cell: (row) => html`<span class="nowrap">${day(row.date)}</span>` },
        { key: "metric", label: "Metric", cell: (row) => ({ cost: "Spend", conversion_value: "Value" })[row.metric] ?? label(row.metric) },
        { key: "before", label: "Before", align: "end", cell: (row) => restated(row, row.before, row.currency_before ?? row.currency) },
        { key: "after", label: "After", align: "end", cell: (row) => restated(row, row.after, row.currency) },
        { key: "when", label: "Export", cell: (row) => html`<span class="nowrap">${moment(row.exported_after)}</span>` },
      ]} /></div>`}
  <//>`;
}

const restated = (row, value, currency) =>
  value === null ? html`<span class="soft">not listed</span>` : ["cost", "conversion_value"].includes(row.metric) ? money(value, currency, 2) : number(value, Number.isInteger(value) ? 0 : 2);
