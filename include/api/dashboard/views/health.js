// Can the numbers be trusted: how far each source reaches, which days are in, files, rejected rows, restatements, checks.
import { html } from "../lib/html.js";
import { read } from "../lib/api.js";
import { ago, count, dayAndWeekday, label, moment, whole } from "../lib/format.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Choice, Table } from "../lib/parts.js";
import { set } from "../lib/query.js";
import { Title } from "../lib/shell.js";
import { Calendar } from "./calendar.js";
import { Files, Rejects, Restatements } from "./ledger.js";

const TABS = { sources: ["Sources", Sources], files: ["Files", Files], rejects: ["Rejected rows", Rejects], restatements: ["Restatements", Restatements], checks: ["Checks", Checks] };

export default function Health({ query, meta }) {
  const tab = query.tab in TABS ? query.tab : "sources";
  const { freshness, quality } = meta;
  const refused = (freshness.files.rejected ?? 0) + (freshness.files.failed ?? 0);
  const Part = TABS[tab][1];
  return html`
    <${Title} lead=${html`Numbers reach to <b>${dayAndWeekday(freshness.last_date)}</b>; the last file came ${ago(freshness.last_loaded_at)}, the last insights ${ago(freshness.last_published_at)}. ${
      refused ? html`<b>${count(refused, "file")}</b> of the last 30 days ${refused === 1 ? "was" : "were"} refused.` : "No file was refused in 30 days."}`}>Data health<//>
    <${Choice} legend="Part" name="tab" value=${tab} options=${Object.entries(TABS).map(([key, [name]]) => [key, name + badge(key, refused, quality)])} onChange=${(key) => set({ tab: key === "sources" ? "" : key, file: "", status: "", reason: "" })} />
    <div class="panel"><${Part} query=${query} meta=${meta} /></div>`;
}

const badge = (tab, refused, quality) => {
  const n = { files: refused, checks: quality.warnings + quality.errors }[tab];
  return n ? ` (${n})` : "";
};

const STATE = { fresh: ["good", "Fresh"], late: ["warn", "Behind the others"], stale: ["warn", "Nothing new for days"] };

function Sources({ meta }) {
  const from = useLoad(() => Promise.all([read("data/freshness", { workspace: meta.workspace }), read("data/coverage", { workspace: meta.workspace })]), [meta.workspace]);
  return html`<${Loaded} from=${from} lines=${8}>
    ${([fresh, coverage]) =>
      fresh.items.length
        ? html`<${Table} stack caption="How far each source reaches" rows=${fresh.items} rowKey=${(row) => row.source} columns=${[
              { key: "source", label: "Source", cell: (row) => label(row.source) },
              { key: "state", label: "State", cell: (row) => html`<span class="tag ${STATE[row.state][0]}">${STATE[row.state][1]}</span>` },
              { key: "last", label: "Numbers to", cell: (row) => dayAndWeekday(row.last_date) },
              { key: "exported", label: "Exported", cell: (row) => moment(row.last_exported_at) },
              { key: "loaded", label: "Loaded", cell: (row) => html`<span title=${moment(row.last_loaded_at)}>${ago(row.last_loaded_at)}</span>` },
              { key: "files", label: "Files", align: "end", cell: (row) => whole(row.files) },
            ]} />
            <${Calendar} coverage=${coverage} />`
        : html`<${Empty} title="No source yet">Drop an export into the bucket: <code>bin/insightflow load FILE</code>.<//>`}
  <//>`;
}

function Checks({ meta }) {
  const from = useLoad(() => read("data/quality", { workspace: meta.workspace }), [meta.workspace]);
  return html`<${Loaded} from=${from}>
    ${(report) => {
      if (!report.items.length) return html`<${Empty} title="Not checked yet">Each run checks the data before the marts are built. Its results appear here.<//>`;
      const failed = report.items.filter((one) => !one.success);
      const passed = report.items.filter((one) => one.success);
      return html`<p class="soft">Checked ${ago(report.checked_at)}: ${count(passed.length, "check")} of ${whole(report.items.length)} passed. An error stops a run before the marts, a warning does not. <a href="/quality">All results and the data docs</a></p>
        ${failed.length > 0 && html`<h2>To look at</h2><${Results} rows=${failed} caption="Checks that did not pass" />`}
        <details open=${failed.length === 0}><summary>${count(passed.length, "check")} passed</summary><${Results} rows=${passed} caption="Checks that passed" /></details>`;
    }}
  <//>`;
}

const Results = ({ rows, caption }) => html`<${Table} stack caption=${caption} rows=${rows} columns=${[
  { key: "expectation", label: "Check", cell: (row) => html`${label(row.expectation.replace(/^expect_/, ""))}${row.column ? html`<small class="below soft">${row.column}</small>` : ""}` },
  { key: "state", label: "Result", cell: (row) => html`<span class="tag ${row.success ? "good" : row.severity === "error" ? "bad" : "warn"}">${row.success ? "Passed" : label(row.severity)}</span>` },
  { key: "detail", label: "Detail", cell: (row) => row.detail },
  { key: "rows", label: "Rows", align: "end", cell: (row) => (row.unexpected_count === null ? "–" : whole(row.unexpected_count)) },
]} />`;
