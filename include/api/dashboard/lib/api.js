// Requests to the API with the reader's token. Answers are kept for a moment, so that going back is instant.

const KEY = "insightflow.session";
const DEVICE = "insightflow.device";
const FRESH_MS = 30_000;
const kept = new Map();

export class Problem extends Error {
  constructor(status, detail, { retryAfter = 0, requestId = "" } = {}) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

// The access token lives in this tab. Who stays logged in has the refresh token in a cookie that no script can read;
// DEVICE only remembers that it is there.
function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

let session = stored();
const listeners = new Set();
export const onLogOut = (listener) => listeners.add(listener);
export const loggedIn = () => session !== null;
export const userName = () => session?.name ?? "";
export const mayDecide = (workspace) => ["analyst", "admin"].includes(session?.roles?.[workspace] ?? session?.roles?.["*"]);

function keep({ access_token, refresh_token, roles }, name) {
  session = { access_token, refresh_token, roles, name };
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export async function logIn(username, password, remember) {
  const body = new URLSearchParams({ username, password });
  const answer = await send(`auth/token${remember ? "?cookie=true" : ""}`, { method: "POST", body });
  forget();
  if (remember) localStorage.setItem(DEVICE, username);
  keep(answer, username);
}

function forget() {
  session = null;
  kept.clear();
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(DEVICE);
}

export function logOut() {
  const token = session?.refresh_token;
  if (token || localStorage.getItem(DEVICE)) send("auth/logout", withToken(token)).catch(() => {});
  forget();
  for (const listener of listeners) listener();
}

// A new tab of a device that stays logged in.
export const restored = async () => loggedIn() || refreshed();

const queryOf = (params) => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) query.append(name, one);
    }
  }
  return query.size ? `?${query}` : "";
};

// GET, with the parameters that have a value.
export function read(path, params = {}) {
  const target = path + queryOf(params);
  const known = kept.get(target);
  if (known && Date.now() - known.at < FRESH_MS) return known.answer;
  const answer = early(target) ?? authorised(target, {});
  kept.set(target, { at: Date.now(), answer });
  answer.catch(() => kept.delete(target));
  return answer;
}

// What early.js asked for, once; anything but an answer is asked for again, by the usual way.
function early(target) {
  const asked = globalThis.insightflowEarly;
  globalThis.insightflowEarly = undefined;
  if (asked?.target !== target) return null;
  return asked.answer.then((answer) => (answer.ok ? answer.json() : Promise.reject(answer))).catch(() => authorised(target, {}));
}

// PATCH or POST of a JSON document; what was kept may be out of date after it.
export async function change(path, document, method = "PATCH") {
  const options = { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(document) };
  const answer = await authorised(path, options);
  kept.clear();
  return answer;
}

// The table behind a view as CSV, saved under a name.
export async function download(path, params, name) {
  const answer = await authorised(path + queryOf(params), { headers: { Accept: "text/csv" }, raw: true });
  const address = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const forgetAnswers = () => kept.clear();

async function authorised(path, options) {
  const once = () => send(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${session?.access_token}` } });
  try {
    return await once();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    if (await refreshed()) return once();
    logOut();
    throw problem;
  }
}

const withToken = (token) =>
  token
    ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ refresh_token: token }) }
    : { method: "POST" };

let refreshing = null;
// One refresh for all requests that found the token ended.
async function refreshed() {
  const token = session?.refresh_token;
  const name = session?.name ?? localStorage.getItem(DEVICE);
  if (!token && !localStorage.getItem(DEVICE)) return false;
  refreshing ??= send("auth/refresh", withToken(token))
    .then((answer) => (keep(answer, name), true))
    .catch((problem) => {
      // Only a refusal ends the log-in: a server that is away may come back.
      if (problem.status !== 401) throw problem;
      return false;
    })
    .finally(() => (refreshing = null));
  return refreshing;
}

async function send(path, { raw = false, ...options }) {
  let answer;
  try {
    answer = await fetch(path.startsWith("/") ? path : `/api/v1/${path}`, options);
  } catch {
    throw new Problem(0, "The server does not answer.");
  }
  if (raw && answer.ok) return answer;
  const document = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (answer.ok) return document;
  throw new Problem(answer.status, document.detail ?? `The server answered ${answer.status}.`, {
    retryAfter: Number(answer.headers.get("Retry-After")) || 0,
    requestId: answer.headers.get("X-Request-Id") ?? "",
  });
}
