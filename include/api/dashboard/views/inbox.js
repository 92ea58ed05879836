// The inbox: what to look at, most money and surest first; why; what to do about it.
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { change, mayDecide, read } from "../lib/api.js";
import { count, label, span } from "../lib/format.js";
import { Empty, Failure, Loaded, useLoad } from "../lib/load.js";
import { Apart, AtStake, Choice, Money, Select, Severity } from "../lib/parts.js";
import { Link, set, toView, withQuery } from "../lib/query.js";
import { NoInsights, Quiet, Title } from "../lib/shell.js";
import { Evidence } from "./evidence.js";

const PAGE = 20;
const STATUSES = [["open", "Open"], ["acknowledged", "Acknowledged"], ["resolved", "Resolved"], ["any", "All"]];
const KINDS = [
  "tracking_break", "spend_stop", "spend_spike", "cpc_jump", "ctr_collapse", "level_shift", "slow_drift", "metric_anomaly",
  "budget_overrun", "budget_underspend", "budget_shift", "waste", "top_performer", "worst_performer", "creative_fatigue",
  "concentration_risk", "duplicate_load", "partial_load", "data_missing", "rows_rejected", "missing_rate",
];
const SEVERITIES = ["critical", "high", "medium", "low"];
const any = (text, names) => [["", text], ...names.map((name) => [name, label(name)])];

export default function Inbox({ query, meta }) {
  const one = query.id;
  const status = STATUSES.some(([key]) => key === query.status) ? query.status : "open";
  const params = {
    workspace: meta.workspace, status: status === "any" ? "" : status, kind: query.kind, severity: query.severity,
    platform: query.platform, entity_id: query.entity, date_from: query.from, date_to: query.to, run_id: query.run, order: "priority", limit: PAGE,
  };
  const from = useLoad(() => (one ? read(`insights/${one}`).then((item) => ({ items: [item], next_cursor: null })) : read("insights", params)), [one, JSON.stringify(params)]);
  const [more, setMore] = useState([]);
  const [said, setSaid] = useState("");
  const [failed, setFailed] = useState(null);
  useEffect(() => setMore([]), [from.data]);
  const list = useRef(null);
  const place = useRef(null);
  // Who decides by keyboard goes on where they were: at the card that took the place of the one that left.
  useEffect(() => {
    if (place.current === null || !from.data) return;
    const cards = [...(list.current?.children ?? [])];
    const next = cards[Math.min(place.current, cards.length - 1)]?.querySelector("button") ?? document.getElementById("title");
    if (document.activeElement === document.body) next?.focus();
    place.current = null;
  }, [from.data]);

  const decide = async (insight, wanted) => {
    place.current = [...(list.current?.children ?? [])].findIndex((card) => card.contains(document.activeElement));
    try {
      await change(`insights/${insight.id}`, { status: wanted });
      setFailed(null);
      setSaid(`${insight.title}: ${wanted}`);
      from.again();
      dispatchEvent(new Event("insightflow:changed"));
    } catch (error) {
      place.current = null;
      setFailed(error);
    }
  };

  const { open } = meta.insights;
  return html`
    <${Title} lead=${open ? html`<b>${count(open, "insight")}</b> ${open === 1 ? "is" : "are"} open, <${AtStake} insights=${meta.insights} currency=${meta.currency} /> at stake. <${Apart} insights=${meta.insights} />Most money first, weighed by how sure it is.` : "Nothing is open."}>Insights<//>
    ${one
      ? html`<p class="chips"><${Link} href=${withQuery({ id: "" }, query)}>All insights<//></p>`
      : html`<div class="tools">
          <${Choice} legend="Status" name="status" value=${status} options=${STATUSES} onChange=${(key) => set({ status: key === "open" ? "" : key })} />
          <${Select} text="Severity" value=${query.severity ?? ""} options=${any("Any", SEVERITIES)} onChange=${(severity) => set({ severity })} />
          <${Select} text="Kind" value=${query.kind ?? ""} options=${any("Any", KINDS)} onChange=${(kind) => set({ kind })} />
          <${Select} text="Platform" value=${query.platform ?? ""} options=${any("Any", [...new Set([...meta.known_platforms, query.platform].filter(Boolean))])} onChange=${(platform) => set({ platform })} />
        </div>
        <${Narrowed} query=${query} />`}
    <p class="visually-hidden" role="status" aria-live="polite">${said}</p>
    ${failed && html`<${Failure} error=${failed} />`}
    <${Loaded} from=${from} lines=${10}>
      ${(page) => {
        const items = [...page.items, ...more.flatMap((part) => part.items)];
        const cursor = more.length ? more.at(-1).next_cursor : page.next_cursor;
        if (!items.length) return html`<${Nothing} query=${query} status=${status} freshness=${meta.freshness} />`;
        return html`<ol class="cards" ref=${list}>
            ${items.map((insight) => html`<${Card} key=${insight.id} insight=${insight} opened=${String(insight.id) === one} decide=${decide} />`)}
          </ol>
          ${cursor && html`<p><button type="button" onClick=${async () => setMore([...more, await read("insights", { ...params, cursor })])}>Show more</button></p>`}`;
      }}
    <//>`;
}

// Filters that only a link sets, each with a way to let go of it.
function Narrowed({ query }) {
  const chips = [
    (query.from || query.to) && [query.from && query.to ? span(query.from, query.to) : query.from ? `from ${span(query.from, query.from)}` : `to ${span(query.to, query.to)}`, { from: "", to: "" }],
    query.run && [`run ${query.run}`, { run: "" }],
    query.entity && [query.name || query.entity, { entity: "", name: "" }],
  ].filter(Boolean);
  if (!chips.length) return null;
  return html`<p class="chips">Only ${chips.map(([text, patch]) => html`<span class="chip" key=${text}>${text}<${Link} href=${withQuery(patch, query)} aria-label="Remove the filter ${text}">×<//></span>`)}</p>`;
}

function Nothing({ query, status, freshness }) {
  const narrowed = ["kind", "severity", "platform", "from", "to", "run", "entity"].some((name) => query[name]);
  if (narrowed) return html`<${Empty} title="None with these filters"><${Link} href=${toView("inbox", { from: "", to: "" })}>Show all open insights<//><//>`;
  return {
    open: html`<${Quiet} freshness=${freshness}>Nothing is open. What was found before is under Acknowledged and Resolved.<//>`,
    acknowledged: html`<${Empty} title="Nothing is acknowledged">Acknowledge an open insight to say that you have it in hand.<//>`,
    resolved: html`<${Empty} title="Nothing is resolved yet">Insights resolve by themselves when the numbers recover.<//>`,
    any: html`<${NoInsights} />`,
  }[status];
}

const ACTS = { open: ["acknowledged", "resolved"], acknowledged: ["resolved", "open"], resolved: ["open"] };
const ACT_NAMES = { acknowledged: "Acknowledge", resolved: "Resolve", open: "Reopen" };

function Card({ insight, opened, decide }) {
  const [open, setOpen] = useState(opened);
  const heading = useRef(null);
  const id = `insight-${insight.id}`;
  const editor = mayDecide(insight.workspace);
  return html`<li class="card" aria-labelledby=${id}>
    <div class="card-head">
      <p class="facts"><${Severity} level=${insight.severity} /><span>${label(insight.kind)}</span><span>${span(insight.date_start, insight.date_end)}</span>
        ${insight.is_provisional && html`<span title="The platform still restates these days">may still change</span>`}
        ${insight.status !== "open" && html`<span class="tag">${label(insight.status)}${insight.status_by ? ` by ${insight.status_by}` : ""}</span>`}</p>
      <h2 id=${id} ref=${heading} title=${insight.title}>${insight.title}</h2>
      <p class="why">${insight.body}</p>
    </div>
    <p class="stake">${insight.impact_amount === null
      ? html`<small class="soft">not known in money</small>`
      : html`<${Money} amount=${insight.impact_amount} currency=${insight.impact_currency} digits=${0} /><small class="soft">${insight.impact_meaning}</small>`}</p>
    <div class="acts">
      <button type="button" aria-expanded=${open ? "true" : "false"} aria-controls="${id}-evidence" onClick=${() => setOpen(!open)}>${open ? "Hide evidence" : "Evidence"}</button>
      ${editor && ACTS[insight.status].map((status) => html`<button type="button" key=${status} aria-label="${ACT_NAMES[status]}: ${insight.title}" onClick=${() => decide(insight, status)}>${ACT_NAMES[status]}</button>`)}
      <${Link} href=${toView("inbox", { id: insight.id })} aria-label="Link to: ${insight.title}">Link<//>
    </div>
    <div id="${id}-evidence" class="evidence" hidden=${!open}>${open && html`<${Evidence} insight=${insight} />`}</div>
  </li>`;
}
