// Budgets of a month: what is spent, what should be by now, where it will end.
import { html } from "../lib/html.js";
import { read } from "../lib/api.js";
import { count, day, label, money, number, percent } from "../lib/format.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Choice } from "../lib/parts.js";
import { set } from "../lib/query.js";
import { Title } from "../lib/shell.js";

const STATUS = { on_track: ["good", "On track"], over: ["bad", "Over"], under: ["warn", "Under"] };

export default function Pacing({ query, meta }) {
  // All of the month: the heading speaks of every budget, whichever are shown.
  const from = useLoad(() => read("analytics/pacing", { workspace: meta.workspace, month: query.month, limit: 1000 }), [meta.workspace, query.month]);
  return html`<${Loaded} from=${from} lines=${8}>
    ${({ items: all, notes }) => {
      const first = all[0];
      const items = query.status ? all.filter((row) => row.status === query.status) : all;
      return html`
        <${Title} lead=${first ? html`To ${day(first.as_of)}. ${pace(all)}` : ""}>
          ${first ? `Budgets of ${day(first.month, { month: "long", year: "numeric" })}` : "Spend pacing"}<//>
        <div class="tools">
          <${Choice} legend="Status" name="pacing-status" value=${query.status ?? ""} options=${[["", "All"], ["over", "Over"], ["under", "Under"], ["on_track", "On track"]]} onChange=${(status) => set({ status })} />
          <label class="pick"><span>Month</span><input type="month" value=${(query.month ?? first?.month ?? "").slice(0, 7)} onChange=${(event) => set({ month: event.target.value ? `${event.target.value}-01` : "" })} /></label>
        </div>
        ${items.length
          ? html`<ul class="budgets">${items.map((row) => html`<${Budget} key=${[row.platform, row.account_id, row.campaign_id, row.scope_name].join("|")} row=${row} />`)}</ul>`
          : html`<${Empty} title=${all.length ? "None with this status" : "No budgets for this month"}>
              ${all.length ? "Choose All to see the other budgets." : html`${notes.join(" ")} Write them into <code>dbt_project/seeds/budgets.csv</code>, a line for each month and workspace, platform, account or campaign; pacing appears with the next run.`}<//>`}`;
    }}
  <//>`;
}

// How many budgets are off pace, and how many have no status.
const pace = (rows) => {
  const off = rows.filter((row) => ["over", "under"].includes(row.status)).length;
  const unknown = rows.filter((row) => !(row.status in STATUS)).length;
  const said = off ? html`<b>${count(off, "budget")}</b> ${off === 1 ? "is" : "are"} off pace.` : unknown ? "None is known to be off pace." : "Every budget is on track.";
  return html`${said}${unknown ? ` ${unknown} cannot be judged.` : ""}`;
};

const nameOf = (row) => {
  if (row.campaign_id || row.account_id) return row.scope_name || row.campaign_id || row.account_id;
  return row.platform ? label(row.platform) : "All platforms";
};
const hasEnded = ({ month, as_of }) => {
  const [year, number] = month.split("-").map(Number);
  return as_of >= new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
};
// A month that has ended has nothing left to guess, unless days have no data.
const guessed = (row) => row.projected_low !== null && row.projected_high !== null && Math.round(row.projected_low) !== Math.round(row.projected_high);

function Budget({ row }) {
  const { budget, currency, spend_to_date: spent, expected_to_date: expected, projected_spend: projected, projected_low: low, projected_high: high } = row;
  const [kind, said] = STATUS[row.status] ?? ["", "Unknown"];
  const top = Math.max(budget ?? 0, high ?? 0, projected ?? 0, spent ?? 0) * 1.02 || 1;
  const at = (amount) => `${Math.min(100, (100 * (amount ?? 0)) / top).toFixed(2)}%`;
  const scope = [row.platform && label(row.platform), row.campaign_id ? "campaign" : row.account_id ? "account" : row.platform ? "platform" : "whole workspace"].filter(Boolean).join(", ");
  const ended = hasEnded(row);
  const words = `${money(spent, currency, 0)} of ${money(budget, currency, 0)} spent, ${money(expected, currency, 0)} expected by now, ${ended ? "" : "about "}${money(projected, currency, 0)} by the end of the month`;
  return html`<li class="budget">
    <header><h2>${nameOf(row)}</h2><span class="tag ${kind}">${said}</span><small class="soft">${scope}</small></header>
    <p class="spent"><b>${money(spent, currency, 0)}</b> <span class="soft">of ${money(budget, currency, 0)}${budget ? `, ${percent(spent / budget, 0)}` : ""}</span></p>
    <div class="bar" role="img" aria-label=${words}>
      ${guessed(row) && html`<i class="range" style=${{ left: at(low), width: `calc(${at(high)} - ${at(low)})` }}></i>`}
      <i class="done ${kind}" style=${{ width: at(spent) }}></i>
      <i class="mark expected" style=${{ left: at(expected) }}></i>
      <i class="mark limit" style=${{ left: at(budget) }}></i>
    </div>
    <dl class="figures">
      <div><dt><i class="swatch expected"></i>Expected by now</dt><dd>${money(expected, currency, 0)}</dd></div>
      <div><dt><i class="swatch range"></i>${ended ? "Month ended at" : "Month will end at"}</dt><dd>${money(projected, currency, 0)}${guessed(row) ? html` <small class="soft">${number(low, 0)} to ${number(high, 0)}</small>` : ""}</dd></div>
      <div><dt>Pace</dt><dd>${row.pace === null ? "–" : percent(row.pace, 0)} <small class="soft">of budget</small></dd></div>
    </dl>
  </li>`;
}
