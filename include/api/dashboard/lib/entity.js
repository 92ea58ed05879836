// Which part of the account tree is shown: all, a platform, an account, a campaign, an ad group, an ad.
import { html } from "./html.js";
import { label, NONE } from "./format.js";
import { Link, withQuery } from "./query.js";

export const LEVELS = ["platform", "account", "campaign", "ad_group", "ad"];
const PLURAL = { platform: "platforms", account: "accounts", campaign: "campaigns", ad_group: "ad groups", ad: "ads" };
export const plural = (level) => PLURAL[level];

// URL parameter names are the levels' own; `name_<level>` is only what a link said, for the trail.
export const PARAMS = [...LEVELS, ...LEVELS.map((level) => `name_${level}`)];
export const cleared = Object.fromEntries(PARAMS.map((name) => [name, ""]));

// The deepest level that the query names, or null.
export const depth = (query) => LEVELS.findLast((level) => query[level]) ?? null;
export const next = (level) => LEVELS[LEVELS.indexOf(level) + 1] ?? null;

// The API's filters of a query.
export const filters = (query) => ({
  platform: query.platform,
  account_id: query.account,
  campaign_id: query.campaign,
  ad_group_id: query.ad_group,
  ad_id: query.ad,
});

// Where the export has no ids the API takes names for them.
const idOf = (row, level) => (level === "platform" ? row.platform : (row[`${level}_id`] ?? row[`${level}_name`]));
export const nameOf = (row, level) => (level === "platform" ? label(row.platform) : (row[`${level}_name`] ?? row[`${level}_id`] ?? NONE));

// The URL parameters of a row at a level, its parents included.
export const paramsOf = (row, level) => {
  const params = { ...cleared };
  for (const one of LEVELS.slice(0, LEVELS.indexOf(level) + 1)) {
    params[one] = idOf(row, one) ?? "";
    if (one !== "platform") params[`name_${one}`] = row[`${one}_name`] ?? "";
  }
  return params;
};

// "All platforms › Google Ads › Northwind US", each a link to that level.
export function Trail({ query, patchOf = (level) => ({}) }) {
  const named = LEVELS.filter((level) => query[level]);
  const upTo = (level) => Object.fromEntries(LEVELS.slice(LEVELS.indexOf(level) + 1).flatMap((deeper) => [[deeper, ""], [`name_${deeper}`, ""]]));
  const text = (level) => (level === "platform" ? label(query.platform) : query[`name_${level}`] || query[level]);
  if (!named.length) return null;
  return html`<nav class="trail" aria-label="Where you are">
    <ol>
      <li><${Link} href=${withQuery({ ...cleared, ...patchOf(null) }, query)}>All platforms<//></li>
      ${named.map((level, n) => html`<li key=${level}>
        ${n === named.length - 1 ? html`<span aria-current="location">${text(level)}</span>` : html`<${Link} href=${withQuery({ ...upTo(level), ...patchOf(level) }, query)}>${text(level)}<//>`}
      </li>`)}
    </ol>
  </nav>`;
}
