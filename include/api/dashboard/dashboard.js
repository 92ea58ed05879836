// The page: a log-in, then the summary and the inbox. What is shown is in the URL, so a link shows the same.

import { change, loggedIn, logIn, logOut, Problem, read } from "./api.js";
import { ago, count, day, el, money, percent, ratio, span, sparkline, words } from "./format.js";

const $ = (id) => document.getElementById(id);
const state = { workspace: "", days: "1", status: "open", ...Object.fromEntries(new URLSearchParams(location.search)) };
let cursor = null;

function show(view) {
  $("login").hidden = view !== "login";
  $("app").hidden = view !== "app";
}

function fail(error) {
  if (error instanceof Problem && error.status === 401) {
    logOut();
    show("login");
    return;
  }
  $("notice").textContent = error.message;
  $("notice").hidden = false;
  $("content").setAttribute("aria-busy", "false");
}

function keep() {
  history.replaceState(null, "", `?${new URLSearchParams(Object.entries(state).filter(([, value]) => value))}`);
}

async function refresh() {
  show("app");
  keep();
  $("notice").hidden = true;
  $("content").setAttribute("aria-busy", "true");
  try {
    const last = await read("insights/summary", { workspace: state.workspace });
    const summary = state.days === "1" || !last.period ? last : await read("insights/summary", periodOf(last));
    state.workspace = summary.workspace;
    drawSummary(summary);
    const files = read("data/files", { workspace: state.workspace, limit: 6 });
    await inbox();
    drawFiles((await files).items);
    $("content").setAttribute("aria-busy", "false");
  } catch (error) {
    fail(error);
  }
}

function periodOf(last) {
  const end = last.period.date_to;
  const start = new Date(`${end}T00:00:00Z`);
  start.setUTCDate(start.getUTCDate() - Number(state.days) + 1);
  return { workspace: last.workspace, date_from: start.toISOString().slice(0, 10), date_to: end };
}

function drawSummary(summary) {
  const { totals, previous_totals: before, change: moved, currency, period } = summary;
  const picker = $("filters").elements.workspace;
  picker.replaceChildren(...[...new Set([...summary.workspaces, summary.workspace])].map((name) => el("option", {}, name)));
  picker.value = summary.workspace;
  picker.closest("label").hidden = picker.options.length < 2;
  $("filters").elements.days.value = state.days;

  $("when").textContent = period
    ? period.days === 1
      ? day(period.date_to, { weekday: "long", day: "numeric", month: "long", year: "numeric" })
      : `${span(period.date_from, period.date_to)}, against the ${period.days} days before`
    : "No numbers yet";
  $("headline").replaceChildren(...headline(totals, moved, currency, summary));
  drawTrust(summary);

  const spend = (d) => d.spend, value = (d) => d.value;
  const roas = (d) => (d.spend && d.value !== null ? d.value / d.spend : null);
  const cpa = (d) => (d.conversions && d.spend !== null ? d.spend / d.conversions : null);
  const share = (a, b) => (a === null || !b ? null : a / b);
  $("tiles").replaceChildren(
    tile("Spend", money(totals.spend, currency), moved.spend, null, money(before.spend, currency), spend, summary),
    tile("Value", money(totals.value, currency), moved.value, true, money(before.value, currency), value, summary),
    tile("ROAS", ratio(totals.roas), moved.roas, true, ratio(before.roas), roas, summary),
    tile("Cost per conversion", money(totals.cpa, currency), moved.cpa, false, money(before.cpa, currency), cpa, summary),
  );

  const lines = (title, rows, figure) => (rows.length ? [el("h3", {}, title), ...rows.map((row) => line(row.campaign_name ?? row.campaign_id, figure(row)))] : []);
  const { waste } = summary;
  const drawn = [
    ...lines("Earned most", summary.best, (row) => `+${money(row.profit, currency)}`),
    ...lines("Lost most", summary.worst, (row) => money(row.profit, currency)),
    ...lines(
      waste.campaigns ? `Spent without a conversion: ${money(waste.amount, currency)}, ${percent(waste.share ?? 0)} of spend` : "",
      waste.top,
      (row) => money(row.spend, currency),
    ),
  ];
  $("campaigns").replaceChildren(...(drawn.length ? drawn : [el("p", { class: "hint" }, "No campaign has numbers in this period.")]));
  $("platforms").replaceChildren(
    ...summary.platforms.map((row) =>
      line(words(row.platform), `${money(row.spend, currency)} · ROAS ${ratio(share(row.value, row.spend))}`)),
  );
  $("at-stake").textContent = summary.insights.open ? `${money(summary.insights.at_stake, currency)} at stake` : "";
  drawFacts(summary);
}

function headline(totals, moved, currency, { insights }) {
  if (totals.spend === null) return ["Nothing was loaded for this period. Drop an export into the bucket to begin."];
  const parts = [el("em", {}, money(totals.spend, currency)), " spent"];
  if (totals.value !== null) parts.push(" for ", el("em", {}, money(totals.value, currency)), " of value");
  if (moved.roas !== null) parts.push(`, ROAS ${moved.roas < 0 ? "down" : "up"} ${percent(Math.abs(moved.roas))}`);
  parts.push(insights.open ? `. ${insights.open} ${insights.open === 1 ? "thing needs" : "things need"} a look.` : ". Nothing needs a look.");
  return parts;
}

function drawTrust({ freshness, quality, currency }) {
  const files = freshness.files;
  const refused = (files.rejected ?? 0) + (files.failed ?? 0);
  const said = [
    freshness.last_date ? ["", `Numbers up to ${day(freshness.last_date)}, files ${ago(freshness.last_loaded_at)}`] : ["warn", "No numbers yet"],
    freshness.provisional_days
      ? ["warn", `${count(freshness.provisional_days, "day")} may still change at the platforms`]
      : null,
    { ok: ["", "Quality checks passed"], warning: ["warn", `Quality: ${count(quality.warnings, "warning")}`],
      error: ["bad", `Quality: ${count(quality.errors, "error")}`], unknown: ["warn", "Quality was not checked yet"] }[quality.state],
    refused ? ["bad", `${count(refused, "file")} refused in 30 days`] : null,
    freshness.unpriced ? ["warn", `Some money has no rate to ${currency} and is left out`] : null,
  ];
  $("trust").replaceChildren(...said.filter(Boolean).map(([name, text]) => el("li", { class: name }, text)));
}

function tile(name, figure, moved, moreIsBetter, before, pick, { daily, previous }) {
  const up = moved > 0;
  const judged = moved === null || moreIsBetter === null || moved === 0 ? "" : up === moreIsBetter ? "better" : "worse";
  const versus = moved === null ? "no comparison" : moved === 0 ? "as before" : `${up ? "▲" : "▼"} ${percent(Math.abs(moved))}`;
  const points = daily.map((d) => ({ value: pick(d), young: d.is_provisional }));
  return el("article", { class: "tile" },
    el("h2", {}, name),
    el("p", { class: "figure" }, figure),
    el("p", { class: "versus" },
      el("span", { class: judged }, versus),
      moved === null || !previous ? "" : ` from ${before}`),
    sparkline(points, `${name} by day, ${daily.length} days`));
}

const line = (name, figure) => el("p", { class: "row" }, el("span", { title: name }, name), el("span", {}, figure));

function drawFacts({ freshness, quality }) {
  const facts = {
    "Last day": freshness.last_date ? day(freshness.last_date) : "none",
    "Last file": ago(freshness.last_loaded_at),
    "Last published": ago(freshness.last_published_at),
    "Files, 30 days": Object.entries(freshness.files).map(([status, n]) => `${n} ${status}`).join(", ") || "none",
    "Quality": quality.expectations ? `${quality.expectations - quality.errors - quality.warnings} of ${quality.expectations} hold` : "not checked",
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    ...quality.messages.flatMap((text) => [el("dt", {}, "Note"), el("dd", {}, text)]),
  );
}

function drawFiles(files) {
  $("files").replaceChildren(...files.map((file) =>
    el("li", {},
      file.uri.split("/").pop(), " ",
      el("span", { class: file.status }, file.status),
      el("small", {}, file.error || `${file.rows_loaded} of ${file.rows_read} rows loaded, ${file.rows_rejected} rejected · ${ago(file.loaded_at)}`))));
}

async function inbox(more = false) {
  for (const input of $("status").querySelectorAll("input")) input.checked = input.value === state.status;
  const page = await read("insights", { workspace: state.workspace, status: state.status, limit: 10, cursor: more ? cursor : "" });
  cursor = page.next_cursor;
  const cards = page.items.map(card);
  if (more) $("cards").append(...cards);
  else $("cards").replaceChildren(...cards);
  $("more").hidden = !cursor;
  emptied();
}

function emptied() {
  $("empty").hidden = $("cards").children.length > 0;
  $("empty").textContent = {
    open: "Nothing is open. What was found before is under Acknowledged and Resolved.",
    acknowledged: "Nothing is acknowledged. Acknowledge an open insight to say that you have it in hand.",
    resolved: "Nothing is resolved yet. Insights resolve by themselves when the numbers recover.",
  }[state.status];
}

function card(insight) {
  const acts = { open: ["acknowledged", "resolved"], acknowledged: ["resolved", "open"], resolved: ["open"] }[insight.status];
  const names = { acknowledged: "Acknowledge", resolved: "Resolve", open: "Reopen" };
  const evidence = Object.entries(insight.evidence).map(([name, value]) => [words(name), typeof value === "object" ? JSON.stringify(value) : String(value)]);
  const item = el("li", { class: "card" },
    el("h3", {}, insight.title),
    el("p", { class: "money" }, money(insight.impact_amount, insight.impact_currency), el("small", {}, insight.impact_amount === null ? "not known in money" : "at stake")),
    el("p", { class: "tags" },
      el("span", { class: `severity ${insight.severity}` }, insight.severity),
      el("span", {}, words(insight.kind)),
      insight.platform ? el("span", {}, words(insight.platform)) : null,
      el("span", {}, span(insight.date_start, insight.date_end)),
      insight.is_provisional ? el("span", {}, "may still change") : null,
      insight.status_by ? el("span", {}, `${insight.status} by ${insight.status_by}`) : null),
    el("p", {}, insight.body),
    evidence.length
      ? el("details", {}, el("summary", {}, "Evidence"), el("dl", {}, ...evidence.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])))
      : null,
    el("p", { class: "acts" }, ...acts.map((status) =>
      el("button", { type: "button", "aria-label": `${names[status]}: ${insight.title}`, onclick: () => set(insight, status, item) }, names[status]))));
  return item;
}

async function set(insight, status, item) {
  try {
    await change(`insights/${insight.id}`, { status });
    $("said").textContent = `${insight.title}: ${status}`;
    item.remove();
    emptied();
    drawSummary(await read("insights/summary", state.days === "1" ? { workspace: state.workspace } : periodOf(await read("insights/summary", { workspace: state.workspace }))));
  } catch (error) {
    fail(error);
  }
}

$("filters").addEventListener("change", (event) => {
  state[event.target.name] = event.target.value;
  refresh();
});
$("status").addEventListener("change", (event) => {
  state.status = event.target.value;
  keep();
  inbox().catch(fail);
});
$("more").addEventListener("click", () => inbox(true).catch(fail));
$("logout").addEventListener("click", () => {
  logOut();
  show("login");
});
document.querySelector(".login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const error = form.querySelector(".error");
  error.hidden = true;
  try {
    await logIn(form.username.value, form.password.value);
    form.reset();
    await refresh();
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
});

if (loggedIn()) refresh();
else show("login");
