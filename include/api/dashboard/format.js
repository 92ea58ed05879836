// Numbers, dates and elements. Text goes in as text, never as HTML.

const NONE = "–";

export const money = (amount, currency, digits = Math.abs(amount) < 100 ? 2 : 0) =>
  amount === null || amount === undefined
    ? NONE
    : new Intl.NumberFormat(undefined, {
        ...(currency ? { style: "currency", currency } : {}),
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }).format(amount);

export const ratio = (value) =>
  value === null || value === undefined ? NONE : value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const percent = (share) =>
  new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: Math.abs(share) < 0.1 ? 1 : 0 }).format(share);

// Dates are the account's local days: they are shown as they are, in no time zone.
export const day = (iso, options = { day: "numeric", month: "long" }) =>
  new Date(`${iso}T00:00:00Z`).toLocaleDateString(undefined, { timeZone: "UTC", ...options });

export const span = (from, to) => (from === to ? day(from) : `${day(from, { day: "numeric", month: "short" })} to ${day(to)}`);

export const ago = (stamp) => {
  if (!stamp) return "never";
  const minutes = Math.round((Date.now() - new Date(stamp)) / 60000);
  const form = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (minutes < 90) return form.format(-minutes, "minute");
  return minutes < 36 * 60 ? form.format(-Math.round(minutes / 60), "hour") : form.format(-Math.round(minutes / 1440), "day");
};

export const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

export const words = (name) => String(name ?? "").replaceAll("_", " ");

// el("p", {class: "x", onclick: f}, "text", child, …); null children are left out.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A line of numbers as SVG; days that may still change are dashed.
export function sparkline(points, label) {
  const known = points.filter((point) => point.value !== null);
  if (known.length < 2) return null;
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const top = Math.max(...known.map((point) => point.value));
  const low = Math.min(0, ...known.map((point) => point.value));
  const at = known.map((point, n) => [
    ((100 * n) / (known.length - 1)).toFixed(2),
    (30 - (30 * (point.value - low)) / (top - low || 1)).toFixed(2),
  ]);
  const firm = Math.max(1, known.filter((point) => !point.young).length);
  for (const [part, name] of [[at.slice(0, firm), ""], [at.slice(firm - 1), "young"]]) {
    if (part.length < 2) continue;
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", `M${part.map((pair) => pair.join(",")).join("L")}`);
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}
