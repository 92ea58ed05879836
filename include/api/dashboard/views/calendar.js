// The coverage calendar: a row for each source, a cell for each day.
import { html, useLayoutEffect, useRef } from "../lib/html.js";
import { count, day, dayAndWeekday, daysBetween, label, whole } from "../lib/format.js";
import { Table } from "../lib/parts.js";

const TALL = 24;
const NAMED = 2;
// A cell's part of its day's place.
const FILLED = 0.78;

export function Calendar({ coverage }) {
  const { date_from: first, date_to: last, items } = coverage;
  const strips = useRef(null);
  // Where it is wider than the screen the newest days are what is asked for.
  useLayoutEffect(() => {
    if (strips.current) strips.current.scrollLeft = strips.current.scrollWidth;
  }, [coverage]);
  if (!last) return null;
  const start = items.reduce((least, item) => (item.days[0]?.date < least ? item.days[0].date : least), last);
  const from = start > first ? start : first;
  const place = 100 / (daysBetween(from, last) + 1);
  const x = (date) => `${(daysBetween(from, date) * place).toFixed(3)}%`;
  const months = [];
  for (const entry of items.flatMap((item) => item.days)) if (entry.date.endsWith("-01") && !months.includes(entry.date)) months.push(entry.date);
  return html`<section class="calendar" aria-labelledby="coverage">
    <h2 id="coverage">Days that are in</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Coverage by source and day" ref=${strips}>
      <div class="strips">
        ${items.map((item) => html`<div class="strip" key=${item.source}>
          <span class="strip-name">${label(item.source)}<small class="soft">${said(item)}</small></span>
          <svg height=${TALL + 4} role="img" aria-label="${label(item.source)}: ${said(item)}">
            ${item.days.map((entry) => html`<rect key=${entry.date} x=${x(entry.date)} y="2" width="${(place * FILLED).toFixed(3)}%" height=${TALL} rx="1.5" class=${entry.state}>
              <title>${dayAndWeekday(entry.date)}: ${entry.state === "loaded" ? `${count(entry.rows, "row")} of ${count(entry.accounts, "account")} from ${count(entry.files, "file")}` : "missing"}</title>
            </rect>`)}
          </svg>
        </div>`)}
        <div class="strip months" aria-hidden="true"><span></span><svg height="14">${months.sort().map((date) => html`<text x=${x(date)} y="11">${day(date, { month: "short" })}</text>`)}</svg></div>
      </div>
    </div>
    <details class="as-table"><summary>Show as a table</summary>
      <${Table} caption="Coverage by day" rows=${items.flatMap((item) => [...item.days].reverse().map((entry) => ({ ...entry, source: item.source })))} columns=${[
        { key: "date", label: "Day", cell: (row) => dayAndWeekday(row.date) },
        { key: "source", label: "Source", cell: (row) => label(row.source) },
        { key: "state", label: "State", cell: (row) => label(row.state) },
        { key: "rows", label: "Rows", align: "end", cell: (row) => whole(row.rows) },
        { key: "files", label: "Files", align: "end", cell: (row) => whole(row.files) },
      ]} />
    </details>
  </section>`;
}

function said(item) {
  const missing = item.days.filter((entry) => entry.state === "missing").map((entry) => day(entry.date, { day: "numeric", month: "short" }));
  if (!missing.length) return `all ${count(item.days_loaded, "day")}`;
  return `${count(item.days_missing, "day")} missing: ${missing.slice(0, NAMED).join(", ")}${missing.length > NAMED ? " …" : ""}`;
}
