// Accounts, campaigns, ad groups, ads: a table to sort and filter, each row a way deeper.
import { html, useEffect, useState } from "../lib/html.js";
import { download, read } from "../lib/api.js";
import { count, label, money, percent, ratio, span, whole } from "../lib/format.js";
import { cleared, depth, filters, LEVELS, nameOf, next, paramsOf, plural, Trail } from "../lib/entity.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Change, Choice, Select, Table } from "../lib/parts.js";
import { compareOf, Link, set, toView, withQuery } from "../lib/query.js";
import { comparison, Title } from "../lib/shell.js";

const SHOWN = ["account", "campaign", "ad_group", "ad"];
const PAGE = 100;
const COLUMNS = [
  ["cost", "Spend", (row) => money(row.cost, "", 0), null],
  ["conversion_value", "Value", (row) => money(row.conversion_value, "", 0), true],
  ["roas", "ROAS", (row) => ratio(row.roas), true],
  ["conversions", "Conversions", (row) => whole(row.conversions), true],
  ["cpa", "CPA", (row) => money(row.cpa, "", 2), false],
  ["clicks", "Clicks", (row) => whole(row.clicks), true],
  ["ctr", "CTR", (row) => percent(row.ctr, 2), true],
  ["cpc", "CPC", (row) => money(row.cpc, "", 2), false],
];
const MONEY = ["cost", "conversion_value", "cpa", "cpc"];

export default function Campaigns({ query, meta, period }) {
  const at = depth(query);
  const least = at && at !== "platform" ? next(at) : null;
  const asked = SHOWN.includes(query.level) ? query.level : "campaign";
  const level = least && SHOWN.indexOf(asked) < SHOWN.indexOf(least) ? least : asked;
  const sort = { key: COLUMNS.some(([key]) => key === query.sort) || query.sort === "name" ? query.sort : "cost", down: query.order !== "up" };
  const before = period && comparison(query, period, meta);
  const params = period && {
    workspace: meta.workspace, group_by: level, date_from: period.from, date_to: period.to, compare: before.whole ? compareOf(query) : "",
    order_by: sort.key, descending: sort.down, ...filters(query), campaign: query.search, limit: PAGE,
  };
  const from = useLoad(() => params && read("analytics/roi", params), [JSON.stringify(params)]);
  const [more, setMore] = useState([]);
  useEffect(() => setMore([]), [from.data]);
  if (!period) return html`<${Title}>Campaigns<//><${Empty} title="No numbers yet">Load an export first; its campaigns appear here.<//>`;
  const platforms = [["", "All platforms"], ...[...new Set([...meta.known_platforms, query.platform].filter(Boolean))].map((name) => [name, label(name)])];
  const open = SHOWN.slice(least ? SHOWN.indexOf(least) : 0);
  const onSort = (key) => set({ sort: key === "cost" ? "" : key, order: sort.key === key ? (sort.down ? "up" : "") : key === "name" ? "up" : "" });
  return html`
    <${Trail} query=${query} patchOf=${(step) => ({ level: step && next(step) !== "campaign" ? (next(step) ?? "") : "" })} />
    <${Title} lead="${span(period.from, period.to)}, ${before.whole ? `compared with ${before.name}` : "without a comparison: the numbers do not reach back that far"}">${heading(query, at, level)}<//>
    <div class="tools">
      <${Choice} legend="Level" name="level" value=${level} options=${open.map((one) => [one, plural(one).replace(/^./, (c) => c.toUpperCase())])} onChange=${(one) => set({ level: one === "campaign" ? "" : one })} />
      <${Select} text="Platform" value=${query.platform ?? ""} options=${platforms} onChange=${(platform) => set({ ...cleared, platform })} />
      <${Search} value=${query.search ?? ""} />
      <button type="button" class="last" onClick=${() => download("analytics/roi", { ...params, limit: "", compare: "" }, `${plural(level).replace(" ", "_")}_${period.from}_${period.to}.csv`)}>Download CSV</button>
    </div>
    <${Loaded} from=${from} lines=${12}>
      ${(page) => {
        const rows = [...page.items, ...more.flatMap((one) => one.items)];
        const cursor = more.length ? more.at(-1).next_cursor : page.next_cursor;
        if (!rows.length) return html`<${Nothing} query=${query} level=${level} />`;
        return html`
          <${Rows} rows=${rows} level=${level} page=${page} query=${query} sort=${sort} onSort=${onSort} />
          <p class="soft small">${count(rows.length, "row")}${cursor ? ", more below" : ""}. Totals are of all rows. ${page.totals?.is_provisional ? "The platforms may still change the youngest days. " : ""}${page.notes.join(" ")}</p>
          ${cursor && html`<p><button type="button" onClick=${async () => setMore([...more, await read("analytics/roi", { ...params, cursor })])}>Show ${PAGE} more</button></p>`}`;
      }}
    <//>`;
}

const heading = (query, at, level) => {
  const name = at && (at === "platform" ? label(query.platform) : query[`name_${at}`] || query[at]);
  const what = plural(level).replace(/^./, (c) => c.toUpperCase());
  return name ? html`${what} <span class="soft">of</span> ${name}` : what;
};

function Search({ value }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => set({ search: text.trim() }, { replace: true }), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<label class="pick grow"><span>Campaign name</span><input type="search" value=${text} placeholder="contains…" onInput=${(event) => setText(event.target.value)} /></label>`;
}

function Rows({ rows, level, page, query, sort, onSort }) {
  const deeper = level !== "ad";
  const parents = LEVELS.slice(1, LEVELS.indexOf(level)).slice(-2);
  const under = (row) => [label(row.platform), ...parents.map((parent) => row[`${parent}_name`] ?? row[`${parent}_id`])].filter(Boolean).join(", ");
  const unit = (key) => (MONEY.includes(key) && page.currency ? html` <small>${page.currency}</small>` : "");
  const cell = (key, write, better) => (row) => html`${write(row)}${row.change && html`<small class="below">${row.change[key] === null || row.change[key] === undefined ? " " : html`<${Change} share=${row.change[key]} better=${better} least=${0.05} />`}</small>`}`;
  const columns = [
    {
      key: "name", label: plural(level).replace(/^./, (c) => c.toUpperCase()), sort: true,
      cell: (row) => html`<span class="named">
        ${deeper ? html`<${Link} href=${withQuery({ ...paramsOf(row, level), level: next(level), search: "" }, query)}>${nameOf(row, level)}<//>` : nameOf(row, level)}
        <small class="below soft">${under(row)}</small></span>
        <${Link} class="chart-link" href=${toView("trends", paramsOf(row, level))} aria-label="Trend of ${nameOf(row, level)}" title="Trend">
          <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 19V5M4 19h16M7 15l4-5 3 3 5-7" /></svg><//>`,
    },
    ...COLUMNS.map(([key, name, write, better]) => ({ key, label: html`${name}${unit(key)}`, align: "end", sort: true, cell: cell(key, write, better) })),
  ];
  const totals = page.totals;
  const foot = totals && { name: "All", ...Object.fromEntries(COLUMNS.map(([key, , write]) => [key, write(totals)])) };
  return html`<div class="grid"><${Table} caption="${plural(level)} with their numbers" columns=${columns} rows=${rows} sort=${sort} onSort=${onSort} foot=${foot} /></div>`;
}

function Nothing({ query, level }) {
  if (query.search) return html`<${Empty} title="No match">Nothing is called “${query.search}” in these days. Clear the name, or take a longer period.<//>`;
  if (["ad_group", "ad"].includes(level)) return html`<${Empty} title="No ${plural(level)} here">The exports of these days stop at a coarser level. Export at the level of ${plural(level)} to see them.<//>`;
  return html`<${Empty} title="Nothing in these days">No file covers them. Choose another period, or look under Data health.<//>`;
}
