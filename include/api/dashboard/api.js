// Requests to the API, with the token of this tab. A token that has ended asks for a new log-in.

const KEY = "insightflow.token";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const loggedIn = () => sessionStorage.getItem(KEY) !== null;

export function logOut() {
  sessionStorage.removeItem(KEY);
}

export async function logIn(username, password) {
  const body = new URLSearchParams({ username, password });
  const answer = await send("/api/v1/auth/token", { method: "POST", body });
  sessionStorage.setItem(KEY, answer.access_token);
}

export const read = (path, params = {}) => {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value));
  return send(`/api/v1/${path}?${query}`, { headers: bearer() });
};

export const change = (path, document) =>
  send(`/api/v1/${path}`, {
    method: "PATCH",
    headers: { ...bearer(), "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });

const bearer = () => ({ Authorization: `Bearer ${sessionStorage.getItem(KEY)}` });

async function send(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Problem(0, "The server does not answer. Is it running? `bin/insightflow status` tells.");
  }
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, document.detail ?? `The server answered ${answer.status}.`);
  return document;
}
