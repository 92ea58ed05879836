// The small parts that views are made of.
import { html } from "./html.js";
import { change as written, count, label, money, moneyParts } from "./format.js";
import { judge } from "./metrics.js";
import { Link, toView } from "./query.js";

export const Money = ({ amount, currency, digits }) => {
  const [unit, figure] = moneyParts(amount, currency, digits);
  return html`<span class="money">${unit && html`<span class="unit">${unit}</span>\u00a0`}${figure}</span>`;
};

// What open insights put at stake: in reporting currency, and beside it what has no exchange rate to it.
export const AtStake = ({ insights, currency }) => {
  const rest = Object.entries(insights.at_stake_unpriced).map(([unit, amount]) => money(amount, unit, 0));
  const all = insights.at_stake || !rest.length ? [money(insights.at_stake, currency, 0), ...rest] : rest;
  return html`<b>${all.join(" + ")}</b>`;
};

// What the list has and the sum leaves out.
export const Apart = ({ insights }) => (insights.apart ? `Money to gain or lose by the day or week (${count(insights.apart, "insight")}) is not in that sum. ` : "");

// Why there is no money where there are numbers, and the way to what mends it.
export const NoRate = ({ currencies = [], to }) => html`There are numbers, but ${currencies.length ? `no exchange rate for ${currencies.join(", ")}` : "no money in them that has an exchange rate"}${to ? ` to ${to}` : ""}.${" "}
  <${Link} href=${toView("inbox", { kind: "missing_rate", status: "any", from: "", to: "" })}>What to do about it<//>`;

// A change with its direction as a shape and a sign, its judgement as a colour and a word.
// Small changes are not coloured: where everything is red or green, nothing is.
export const Change = ({ share, better, least = 0.02 }) => {
  const judged = Math.abs(share ?? 0) < least ? "" : judge(share, better);
  const said = judged ? html`<span class="visually-hidden"> (${judged})</span>` : "";
  return html`<span class="change ${judged}">${written(share)}${said}</span>`;
};

export const Severity = ({ level }) => html`<span class="severity ${level}">${label(level)}</span>`;

// Radio buttons that look like one control.
export function Choice({ legend, name, value, options, onChange }) {
  return html`<fieldset class="choice">
    <legend class="visually-hidden">${legend}</legend>
    ${options.map(
      ([key, text]) => html`<label key=${key}>
        <input type="radio" name=${name} value=${key} checked=${key === value} onChange=${() => onChange(key)} />
        <span>${text}</span>
      </label>`,
    )}
  </fieldset>`;
}

export const Select = ({ text, value, options, onChange, hidden }) => html`<label class="pick" hidden=${hidden}>
  <span>${text}</span>
  <select aria-label=${text} value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${options.map(([key, name]) => html`<option key=${key} value=${key} selected=${key === value}>${name}</option>`)}
  </select>
</label>`;

// A table. columns: [{key, label, cell(row), align: "end"|"start", sort: bool, title}]; sort: {key, down}.
// `stack`: on a phone each row stands as a list of its cells, for tables whose prose would push the numbers out of sight.
export function Table({ caption, columns, rows, rowKey, sort, onSort, rowClass, foot, stack }) {
  return html`<div class="scroll ${stack ? "stack" : ""}" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="visually-hidden">${caption}</caption>
      <thead>
        <tr>
          ${columns.map((column) => {
            const active = sort?.key === column.key;
            const order = active ? (sort.down ? "descending" : "ascending") : undefined;
            return html`<th key=${column.key} scope="col" class=${column.align ?? "start"} aria-sort=${order} title=${column.title}>
              ${onSort && column.sort
                ? html`<button type="button" class="sorter" onClick=${() => onSort(column.key)}>
                    ${column.align === "end" && html`<span class="arrow" aria-hidden="true">${active ? (sort.down ? "↓" : "↑") : ""}</span>`}${column.label}${column.align !== "end" && html`<span class="arrow" aria-hidden="true">${active ? (sort.down ? "↓" : "↑") : ""}</span>`}
                  </button>`
                : column.label}
            </th>`;
          })}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, n) => html`<tr key=${rowKey ? rowKey(row) : n} class=${rowClass?.(row)}>
            ${columns.map((column, place) =>
              place === 0
                ? html`<th scope="row" class=${column.align ?? "start"}>${column.cell(row)}</th>`
                : html`<td class=${column.align ?? "start"} data-label=${stack ? column.label : undefined}>${stack ? html`<div>${column.cell(row)}</div>` : column.cell(row)}</td>`,
            )}
          </tr>`,
        )}
      </tbody>
      ${foot && html`<tfoot><tr>${columns.map((column, place) => (place === 0 ? html`<th scope="row">${foot[column.key]}</th>` : html`<td class=${column.align ?? "start"}>${foot[column.key] ?? ""}</td>`))}</tr></tfoot>`}
    </table>
  </div>`;
}

// A line without axes; the figures are beside it.
export function Spark({ points, label: name }) {
  const known = points.map((point, n) => ({ ...point, n })).filter((point) => point.value !== null && point.value !== undefined);
  if (known.length < 2) return html`<span class="spark"></span>`;
  const top = Math.max(...known.map((point) => point.value));
  const low = Math.min(...known.map((point) => point.value));
  const room = (top - low) * 0.08 || 1;
  const x = (n) => ((100 * n) / (points.length - 1)).toFixed(2);
  const y = (value) => (32 - (32 * (value - low + room)) / (top - low + 2 * room)).toFixed(2);
  const path = (part) => `M${part.map((point) => `${x(point.n)},${y(point.value)}`).join("L")}`;
  const end = known.at(-1);
  return html`<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label=${name}>
    <path d=${path(known)} />
    <path class="end" d="M${x(end.n)},${y(end.value)}h0" />
  </svg>`;
}
