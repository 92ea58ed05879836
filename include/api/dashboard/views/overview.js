// Nine in the morning: what happened, what to look at, how much money is at stake.
import { html } from "../lib/html.js";
import { read } from "../lib/api.js";
import { count, label, longDay, money, percent, ratio, span, whole } from "../lib/format.js";
import { paramsOf } from "../lib/entity.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { METRICS } from "../lib/metrics.js";
import { Apart, AtStake, Change, Money, NoRate, Severity, Spark, Table } from "../lib/parts.js";
import { Link, toView } from "../lib/query.js";
import { comparison, judged, Quiet, Title } from "../lib/shell.js";

const share = (a, b) => (a === null || a === undefined || !(b > 0) ? null : a / b);
const changeOf = (now, before) => (now === null || before === null || now === undefined || !before ? null : (now - before) / Math.abs(before));
const TILES = ["spend", "value", "roas", "cpa"];
// As the API does: where exchange rates leave out more of one period than of the other, a change would be theirs.
const MOST_APART = 0.05;
const alike = (now, before) => now.priced_share === null || before?.priced_share == null || Math.abs(now.priced_share - before.priced_share) <= MOST_APART;
const FULL = { spend: "Spend", value: "Conversion value", roas: "Return on ad spend", cpa: "Cost per conversion" };

export function Overview({ query, meta, period }) {
  const before = period && comparison(query, period, meta);
  const workspace = meta.workspace;
  // The shell has the last day already; any other period is asked for, and the one to compare with where it is not the usual.
  const usual = query.compare === "previous";
  const own = period && period.days === 1 && period.to === meta.period?.date_to;
  const now = useLoad(
    () => (!period || own ? meta : read("insights/summary", { workspace, date_from: period.from, date_to: period.to })),
    [workspace, period?.from, period?.to, meta],
  );
  const then = useLoad(
    () => (usual || !before ? null : read("insights/summary", { workspace, date_from: before.from, date_to: before.to })),
    [workspace, before?.from, before?.to, usual],
  );
  const inbox = useLoad(() => read("insights", { workspace, status: "open", order: "priority", limit: 7 }), [workspace, meta]);
  if (!period) return html`<${Title}>Nothing is loaded yet<//><${Empty} title="Drop an export to begin">
    Copy a file that an ad platform exported into the bucket, or run <code>bin/insightflow load FILE</code>. Numbers appear here about a minute later.<//>`;
  return html`<${Loaded} from=${now} lines=${10} what="Reading the marts">
    ${(summary) => {
      const past = !before.whole ? null : usual ? summary.previous_totals : then.data?.totals;
      const same = alike(summary.totals, past);
      const changes = Object.fromEntries(TILES.map((key) => [key, same ? changeOf(summary.totals[key], past?.[key] ?? null) : null]));
      const why = !before.whole ? `The numbers do not reach back to ${before.short}` : same ? "" : "Exchange rates are missing for more of one period than of the other";
      return html`
        <${Title} lead=${html`<${Headline} summary=${summary} changes=${changes} period=${period} />`}>
          ${period.days === 1 ? longDay(period.to) : span(period.from, period.to)}<//>
        <section class="tiles" aria-label="Totals, compared with ${before.name}">
          ${TILES.map((key) => html`<${Tile} key=${key} name=${key} summary=${summary} past=${past} share=${changes[key]} before=${before} why=${why} />`)}
        </section>
        <div class="columns">
          <section aria-labelledby="look">
            <header class="section"><h2 id="look">What to look at</h2><${Link} href=${toView("inbox")}>All insights<//></header>
            <${Loaded} from=${inbox} lines=${5}>${(page) => html`<${Top} items=${page.items} freshness=${meta.freshness} />`}<//>
          </section>
          <aside>
            <${Platforms} summary=${summary} />
            <${Movers} summary=${summary} />
          </aside>
        </div>`;
    }}
  <//>`;
}

function Headline({ summary, changes, period }) {
  const { totals, currency, insights } = summary;
  if (totals.spend === null) {
    const { unpriced_currencies: currencies } = summary.freshness;
    return totals.clicks || totals.unpriced_rows
      ? html`<${NoRate} to=${currency} currencies=${currencies} />`
      : "No file has numbers for this period. Choose another, or look under Data health for what is missing.";
  }
  const roas = changes.roas;
  const direction = roas === null ? "" : Math.abs(roas) < 0.005 ? ", return as before" : `, return ${roas > 0 ? "up" : "down"} ${percent(Math.abs(roas))}`;
  return html`<b>${money(totals.spend, currency, 0)}</b> spent${totals.value === null ? "" : html` for <b>${money(totals.value, currency, 0)}</b> of value`}${direction}. ${
    insights.open
      ? html`${insights.open === 1 ? "One thing needs" : `${count(insights.open, "thing")} need`} a look: <${AtStake} insights=${insights} currency=${currency} /> at stake. <${Apart} insights=${insights} />`
      : judged(summary.freshness) ? "Nothing needs a look." : "What was loaded last is not judged yet."
  }`;
}

function Tile({ name, summary, past, share: moved, before, why }) {
  const metric = METRICS[name];
  const points = summary.daily.map((entry) => ({ value: entry[name] }));
  const value = summary.totals[name];
  return html`<article class="tile">
    <h2><${Link} href=${toView("trends", { metric: name })} title="${FULL[name]} over time">${FULL[name]}<//></h2>
    <p class="figure">${metric.money ? html`<${Money} amount=${value} currency=${summary.currency} digits=${name === "cpa" ? 2 : 0} />` : ratio(value)}</p>
    <p class="versus">
      ${moved === null ? html`<span class="soft" title=${why}>no comparison</span>` : html`<${Change} share=${moved} better=${metric.better} /> <span class="soft" title="compared with ${before.name}">from ${metric.money ? money(past[name], "", name === "cpa" ? 2 : 0) : ratio(past[name])}</span>`}
    </p>
    <${Spark} points=${points} label="${FULL[name]} over ${count(points.length, "day")}" />
  </article>`;
}

function Top({ items, freshness }) {
  if (!items.length) return html`<${Quiet} freshness=${freshness}>No insight is open. What was found before is under Insights, acknowledged or resolved.<//>`;
  return html`<ol class="top">
    ${items.map(
      (insight) => html`<li key=${insight.id}>
        <${Link} href=${toView("inbox", { id: insight.id })}>
          <span class="what"><${Severity} level=${insight.severity} /> <strong>${insight.title}</strong></span>
          <span class="stake">${insight.impact_amount === null ? html`<span class="soft">not in money</span>` : html`<${Money} amount=${insight.impact_amount} currency=${insight.impact_currency} digits=${0} /><small class="soft">${insight.impact_meaning}</small>`}</span>
        <//>
      </li>`,
    )}
  </ol>`;
}

function Platforms({ summary }) {
  const { platforms, currency, totals } = summary;
  if (!platforms.length) return null;
  return html`<section aria-labelledby="platforms">
    <h2 id="platforms">Platforms</h2>
    <${Table} caption="Platforms by spend" rows=${platforms} rowKey=${(row) => row.platform} columns=${[
      { key: "platform", label: "Platform", cell: (row) => html`<${Link} href=${toView("trends", { platform: row.platform })}>${label(row.platform)}<//>` },
      { key: "spend", label: `Spend${currency ? `, ${currency}` : ""}`, align: "end", cell: (row) => money(row.spend, "", 0) },
      { key: "share", label: "Share", align: "end", cell: (row) => percent(share(row.spend, totals.spend), 0) },
      { key: "roas", label: "ROAS", align: "end", cell: (row) => ratio(row.roas) },
    ]} />
  </section>`;
}

// Why a campaign's numbers say nothing of what it did.
const FAULTS = { tracking_break: "its conversions are not counted", duplicate_load: "its data came twice", partial_load: "a part of its data is missing" };

function Movers({ summary }) {
  const { best, worst, waste, currency, unreliable, unjudged } = summary;
  const lists = [
    ["Earned most", best, (row) => money(row.profit, "", 0)],
    ["Lost most", worst, (row) => money(row.profit, "", 0)],
    [waste.campaigns ? `No conversion, ${percent(waste.share, 0)} of spend` : "", waste.top, (row) => money(row.spend, "", 0)],
  ].filter(([, rows]) => rows.length);
  if (!lists.length && !unreliable) return null;
  const name = (row) => html`<${Link} href=${toView("trends", paramsOf(row, "campaign"))} title=${row.campaign_name}>${row.campaign_name ?? row.campaign_id}<//>`;
  return html`<section aria-labelledby="movers">
    <header class="section"><h2 id="movers">Campaigns${currency ? html` <small>${currency}</small>` : ""}</h2><${Link} href=${toView("campaigns")}>All campaigns<//></header>
    ${lists.map(
      ([title, rows, figure]) => html`<h3>${title}</h3>
        <ul class="lines">${rows.map((row) => html`<li>${name(row)}<span class="figure">${figure(row)}</span></li>`)}</ul>`,
    )}
    ${unreliable > 0 && html`<h3>${count(unreliable, "campaign")} ${unreliable === 1 ? "is" : "are"} not judged</h3>
      <ul class="lines">${unjudged.map((row) => html`<li class="wraps">${name(row)}<span class="soft">${FAULTS[row.fault]}</span></li>`)}
        ${unreliable > unjudged.length && html`<li class="soft">and ${whole(unreliable - unjudged.length)} more</li>`}</ul>`}
  </section>`;
}
