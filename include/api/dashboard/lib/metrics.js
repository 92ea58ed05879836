// The metrics that views offer: name, how a value is written, and which direction is good.
import { money, percent, ratio, whole } from "./format.js";

const asMoney = (value, currency) => money(value, currency);
const asCents = (value, currency) => money(value, currency, 2);

// better: true more is better, false less is better, null neither.
export const METRICS = {
  spend: { label: "Spend", write: asMoney, money: true, better: null, series: "cost" },
  value: { label: "Value", write: asMoney, money: true, better: true, series: "conversion_value" },
  roas: { label: "ROAS", write: ratio, better: true, series: "roas" },
  cpa: { label: "CPA", write: asCents, money: true, better: false, series: "cpa" },
  conversions: { label: "Conversions", write: (value) => whole(value), better: true, series: "conversions" },
  clicks: { label: "Clicks", write: (value) => whole(value), better: true, series: "clicks" },
  impressions: { label: "Impressions", write: (value) => whole(value), better: null, series: "impressions" },
  ctr: { label: "CTR", write: (value) => percent(value, 2), better: true, series: "ctr" },
  cpc: { label: "CPC", write: asCents, money: true, better: false, series: "cpc" },
  cvr: { label: "CVR", write: (value) => percent(value, 2), better: true, series: "cvr" },
};

export const LONG = { roas: "return on ad spend", cpa: "cost per conversion", ctr: "click-through rate", cpc: "cost per click", cvr: "conversion rate" };

// The anomalies' name of a metric (cost, conversion_value, roi) → ours.
export const fromSeries = (name) =>
  ({ cost: "spend", conversion_value: "value", roi: "roas" })[name] ?? (name in METRICS ? name : "spend");

export const judge = (share, better) =>
  share === null || share === undefined || better === null || share === 0 ? "" : share > 0 === better ? "better" : "worse";
