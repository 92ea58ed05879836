// How numbers, money and days are written, everywhere the same: "USD 41,892", "1.66 %", "30 Jun 2026".

const NUMBERS = "en-US";
const DATES = "en-GB";
export const NONE = "–";
const unknown = (value) => value === null || value === undefined || Number.isNaN(value);

const digitsOf = (value) => (Math.abs(value) >= 100 || value === 0 ? 0 : 2);

export const number = (value, digits = digitsOf(value)) =>
  unknown(value)
    ? NONE
    : Number(value).toLocaleString(NUMBERS, { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");

export const whole = (value) => number(value, 0);
export const ratio = (value) => number(value, 2);

// [unit, figure]: a page may set the unit smaller than the figure.
export const moneyParts = (amount, currency, digits) => (unknown(amount) ? ["", NONE] : [currency ?? "", number(amount, digits)]);
export const money = (amount, currency, digits) => moneyParts(amount, currency, digits).filter(Boolean).join("\u00a0");

export const percent = (share, digits = Math.abs(share) < 0.1 ? 1 : 0) =>
  unknown(share) ? NONE : `${number(share * 100, digits)}\u202f%`;

export const change = (share) => {
  if (unknown(share)) return NONE;
  const text = percent(Math.abs(share));
  return share > 0 ? `+${text}` : share < 0 ? `−${text}` : `±${text}`;
};

// Dates are the account's local days: they are shown as they are, in no time zone.
const SHORT = { day: "numeric", month: "short", year: "numeric" };
export const day = (iso, options = SHORT) =>
  iso ? new Date(`${iso}T00:00:00Z`).toLocaleDateString(DATES, { timeZone: "UTC", ...options }) : NONE;
export const longDay = (iso) => day(iso, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
export const dayAndWeekday = (iso) => day(iso, { weekday: "short", ...SHORT }).replace(",", "");

export const span = (from, to) => {
  if (from === to) return day(from);
  const sameYear = from.slice(0, 4) === to.slice(0, 4);
  const sameMonth = from.slice(0, 7) === to.slice(0, 7);
  const start = sameMonth ? { day: "numeric" } : sameYear ? { day: "numeric", month: "short" } : SHORT;
  return `${day(from, start)} – ${day(to)}`;
};

export const shift = (iso, days) => {
  const date = new Date(`${iso}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
};

export const daysBetween = (from, to) => Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 864e5);

export const moment = (stamp) =>
  stamp ? new Date(stamp).toLocaleString(DATES, { ...SHORT, hour: "2-digit", minute: "2-digit" }) : NONE;

export const ago = (stamp) => {
  if (!stamp) return "never";
  const minutes = Math.round((Date.now() - new Date(stamp)) / 60000);
  const form = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes < 1) return "just now";
  if (minutes < 90) return form.format(-minutes, "minute");
  return minutes < 36 * 60 ? form.format(-Math.round(minutes / 60), "hour") : form.format(-Math.round(minutes / 1440), "day");
};

export const count = (n, noun, plural = `${noun}s`) => `${whole(n)}\u00a0${n === 1 ? noun : plural}`;

const NAMES = {
  google_ads: "Google Ads", meta_ads: "Meta Ads", tiktok_ads: "TikTok Ads", linkedin_ads: "LinkedIn Ads",
  microsoft_ads: "Microsoft Ads", pinterest_ads: "Pinterest Ads", snapchat_ads: "Snapchat Ads", x_ads: "X Ads",
  reddit_ads: "Reddit Ads", amazon_ads: "Amazon Ads", apple_search_ads: "Apple Search Ads", dv360: "DV360",
  cm360: "CM360", ga4: "GA4", generic: "Other tables", fx_rates: "Exchange rates", ad_group: "Ad group",
  roi: "ROI", roas: "ROAS", cpa: "CPA", ctr: "CTR", cvr: "CVR", cpc: "CPC", cpm: "CPM", aov: "AOV",
  ctr_collapse: "CTR collapse", cpc_jump: "CPC jump",
};
// "spend_stop" as "Spend stop"; the platforms as they write themselves.
export const label = (name) => {
  if (!name) return NONE;
  const spaced = String(name).replaceAll("_", " ");
  return NAMES[name] ?? spaced.charAt(0).toUpperCase() + spaced.slice(1);
};
export const platform = label;
