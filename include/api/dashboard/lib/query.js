// What is shown is in the URL and nowhere else: a link, a reload and the back button show the same.
import { html, useEffect, useState } from "./html.js";
import { daysBetween, shift } from "./format.js";

// The filters that follow the reader from view to view; all others belong to one view.
const SHARED = ["workspace", "days", "from", "to", "compare"];
const DEFAULTS = { view: "overview", days: "1", compare: "previous" };
const VIEWS = ["overview", "inbox", "trends", "campaigns", "pacing", "health", "rows", "docs"];
const CHANGED = "insightflow:query";

export function current() {
  const query = { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(location.search)) };
  return VIEWS.includes(query.view) ? query : { ...query, view: DEFAULTS.view };
}

const address = (query) => {
  const kept = Object.entries(query).filter(([name, value]) => value !== "" && value !== undefined && value !== null && DEFAULTS[name] !== String(value));
  const text = new URLSearchParams(kept).toString();
  return text ? `?${text}` : location.pathname;
};

// The address of the same page with some parameters changed ("" removes one).
export const withQuery = (patch, query = current()) => address({ ...query, ...patch });

// The address of another view: the shared filters go along.
export const toView = (view, more = {}) => {
  const query = current();
  return address({ ...Object.fromEntries(SHARED.map((name) => [name, query[name]])), view, ...more });
};

export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  dispatchEvent(new Event(CHANGED));
}

export const set = (patch, options) => go(withQuery(patch), options);

export function useQuery() {
  const [query, update] = useState(current);
  useEffect(() => {
    const follow = () => update(current());
    addEventListener("popstate", follow);
    addEventListener(CHANGED, follow);
    return () => {
      removeEventListener("popstate", follow);
      removeEventListener(CHANGED, follow);
    };
  }, []);
  return query;
}

export function Link({ href, children, ...more }) {
  const follow = (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return html`<a href=${href} onClick=${follow} ...${more}>${children}</a>`;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

// A line of one day says nothing: trends begin with four weeks, and the filters say so.
const FOUR_WEEKS = "28";
export const daysOf = (query) => (query.view === "trends" && query.days === DEFAULTS.days ? FOUR_WEEKS : query.days);

// Whether the first of the given dates is after the last one: they are swapped, and the filters say so.
export const isReversed = ({ from, to }) => DAY.test(from ?? "") && DAY.test(to ?? "") && from > to;

// The days that the query asks for: given dates, else the last so many days that have numbers.
export function periodOf(asked, last) {
  const query = isReversed(asked) ? { ...asked, from: asked.to, to: asked.from } : asked;
  const to = DAY.test(query.to ?? "") ? query.to : last;
  if (!to) return null;
  const days = Math.min(Math.max(Number.parseInt(daysOf(query), 10) || 1, 1), 400);
  const from = DAY.test(query.from ?? "") && query.from <= to ? query.from : shift(to, 1 - days);
  return { from, to, days: daysBetween(from, to) + 1 };
}

// The days to compare with: just before, or the same weekdays before (4 weeks are 28 days, a year 364).
export function previousOf(period, compare) {
  const back = compare === "week" ? Math.ceil(period.days / 7) * 7 : compare === "year" ? 364 : period.days;
  return { from: shift(period.from, -back), to: shift(period.to, -back), days: period.days };
}

// The API's name of the comparison.
export const compareOf = (query) => ({ week: "previous_week", year: "previous_year" })[query.compare] ?? "previous_period";
