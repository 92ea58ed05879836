// A time series as a line: comparison dashed, expected band shaded, anomalies marked. Drawn by uPlot on a canvas;
// pointer and arrow keys read it day by day, and the same figures are in a table below.
import { html, useEffect, useRef, useState } from "./html.js";
import { dayAndWeekday, day as written } from "./format.js";
import { Table } from "./parts.js";

// The page's policy lets no text become a script's address but through this, and this knows one address.
const trusted = globalThis.trustedTypes?.createPolicy("insightflow", { createScriptURL: () => "/assets/dashboard/vendor/uplot.js" });
let library = null;
// Only views with a chart pay for it.
function uplot() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = trusted ? trusted.createScriptURL("") : "/assets/dashboard/vendor/uplot.js";
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => reject(new Error("The chart library could not be loaded."));
    document.head.append(script);
  });
  return library;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const stamp = (iso) => Date.parse(`${iso}T00:00:00Z`) / 1000;

// days: [{date, value, compare, expected, lower, upper, mark: {severity, text}, young}]
export function Chart({ days, write, axis = write, label, compareLabel, height = 280, table = true }) {
  const box = useRef(null);
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  const [theme, setTheme] = useState(0);

  useEffect(() => {
    const changed = () => setTheme((n) => n + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", changed);
    addEventListener("insightflow:theme", changed);
    return () => {
      system.removeEventListener("change", changed);
      removeEventListener("insightflow:theme", changed);
    };
  }, []);

  useEffect(() => {
    let gone = false;
    let watch;
    uplot().then((uPlot) => {
      if (gone || !box.current) return;
      box.current.replaceChildren();
      plot.current = new uPlot(options(uPlot, { days, axis, height, width: box.current.clientWidth, onMove: setAt }), data(days), box.current);
      watch = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry.contentRect.width, height }));
      watch.observe(box.current);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [days, height, theme]);

  const move = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -days.length, End: days.length }[event.key];
    if (!steps || !plot.current) return;
    event.preventDefault();
    const next = Math.min(Math.max((at ?? days.length) + steps, 0), days.length - 1);
    plot.current.setCursor({ left: plot.current.valToPos(stamp(days[next].date), "x"), top: 20 });
    setAt(next);
  };

  const point = at === null ? null : days[at];
  const has = (name) => days.some((entry) => entry[name] !== null && entry[name] !== undefined);
  return html`<figure class="chart">
    <div class="plot" ref=${box} tabindex="0" role="img" aria-label="${label}. Arrow keys read it day by day; the table below has all days." onKeyDown=${move}></div>
    <figcaption class="reading" aria-live="polite">
      ${point
        ? html`<strong>${dayAndWeekday(point.date)}</strong>
            <span><i class="key main"></i>${write(point.value)}${point.young ? ", may still change" : ""}</span>
            ${has("compare") && html`<span><i class="key compare"></i>${compareLabel} ${write(point.compare)}</span>`}
            ${point.lower !== null && point.lower !== undefined && html`<span><i class="key band"></i>expected ${write(point.expected)}, from ${write(point.lower)} to ${write(point.upper)}</span>`}
            ${point.mark && html`<span class="severity ${point.mark.severity}">${point.mark.text}</span>`}`
        : html`<span><i class="key main"></i>${label}</span>
            ${has("compare") && html`<span><i class="key compare"></i>${compareLabel}</span>`}
            ${has("lower") && html`<span><i class="key band"></i>expected band</span>`}
            ${has("mark") && html`<span><i class="key mark"></i>anomaly</span>`}
            ${days.some((entry) => entry.young) && html`<span><i class="key young"></i>may still change</span>`}`}
    </figcaption>
    ${table && html`<details class="as-table"><summary>Show as a table</summary>
      <${Table} caption=${label} rows=${[...days].reverse()} rowKey=${(row) => row.date} columns=${[
        { key: "date", label: "Day", cell: (row) => dayAndWeekday(row.date) },
        { key: "value", label: "Value", align: "end", cell: (row) => write(row.value) },
        has("compare") && { key: "compare", label: compareLabel, align: "end", cell: (row) => write(row.compare) },
        has("lower") && { key: "expected", label: "Expected", align: "end", cell: (row) => write(row.expected) },
        has("lower") && { key: "band", label: "Band", align: "end", cell: (row) => (row.lower === null || row.lower === undefined ? "" : `${write(row.lower)} to ${write(row.upper)}`) },
        has("mark") && { key: "mark", label: "Anomaly", cell: (row) => row.mark?.text ?? "" },
      ].filter(Boolean)} />
    </details>`}
  </figure>`;
}

const column = (days, name) => days.map((entry) => entry[name] ?? null);
const data = (days) => [
  days.map((entry) => stamp(entry.date)),
  column(days, "upper"),
  column(days, "lower"),
  column(days, "compare"),
  column(days, "value"),
];

function options(uPlot, { days, axis, height, width, onMove }) {
  const soft = colour("--soft");
  const line = colour("--line");
  const accent = colour("--accent");
  const severity = (entry) => colour(`--${entry?.mark?.severity ?? "high"}`);
  const font = `12px ${colour("--text")}`;
  return {
    width,
    height,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "UTC"),
    legend: { show: false },
    padding: [14, 12, 0, 0],
    cursor: { y: false, points: { size: 8, fill: accent }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, low, top) => rangeOf(low, top) } },
    bands: [{ series: [1, 2], fill: colour("--band") }],
    axes: [
      {
        stroke: soft, font, gap: 8, size: 34, space: 84, grid: { show: false }, ticks: { show: false },
        values: (_, splits) => splits.map((ts) => written(new Date(ts * 1e3).toISOString().slice(0, 10), { day: "numeric", month: "short" })),
        incrs: [1, 2, 7, 14, 28, 56, 112].map((n) => n * 86400),
      },
      {
        stroke: soft, font, gap: 8, size: (self, values) => Math.max(...(values ?? [""]).map((text) => text.length)) * 7 + 16,
        grid: { stroke: line, width: 1 }, ticks: { show: false }, splits: undefined, space: 52,
        values: (_, splits) => splits.map((value) => axis(value)),
      },
    ],
    series: [
      {},
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: colour("--faint"), width: 1.5, dash: [2, 4], points: { show: false } },
      { stroke: accent, width: 2, points: { show: days.length < 3 } },
    ],
    hooks: {
      setCursor: [(self) => onMove(self.cursor.idx ?? null)],
      // Days that may still change lie on another ground.
      drawClear: [
        (self) => {
          const { ctx, bbox } = self;
          const first = days.findIndex((entry) => entry.young);
          if (first < 0) return;
          const left = Math.max(self.valToPos(stamp(days[first].date), "x", true), bbox.left);
          ctx.save();
          ctx.fillStyle = colour("--sunk");
          ctx.fillRect(left, bbox.top, bbox.left + bbox.width - left, bbox.height);
          ctx.restore();
        },
      ],
      // A ring about the day, in the colour of its severity.
      draw: [
        (self) => {
          const { ctx } = self;
          const scale = devicePixelRatio;
          days.forEach((entry) => {
            if (!entry.mark) return;
            const x = self.valToPos(stamp(entry.date), "x", true);
            const y = self.valToPos(entry.value ?? 0, "y", true);
            ctx.save();
            ctx.strokeStyle = ctx.fillStyle = severity(entry);
            ctx.lineWidth = 2 * scale;
            ctx.beginPath();
            ctx.arc(x, y, 3 * scale, 0, 2 * Math.PI);
            ctx.fill();
            ctx.beginPath();
            ctx.arc(x, y, 7 * scale, 0, 2 * Math.PI);
            ctx.stroke();
            ctx.restore();
          });
        },
      ],
    },
  };
}

// From zero where that is near; a band of ratios may lie far above it.
function rangeOf(low, top) {
  if (low === null || top === null) return [0, 1];
  const floor = low >= 0 && low < 0.6 * top ? 0 : low - (top - low) * 0.1;
  return [floor, top + (top - floor) * 0.08 || 1];
}
