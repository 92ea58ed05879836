// Loading of data by a view, and the states that a reader meets: waiting, nothing there, something wrong.
import { html, useEffect, useRef, useState } from "./html.js";
import { forgetAnswers } from "./api.js";

// Call `get` again whenever one of `keys` changes. What was shown stays (as `stale`) until the new answer is there.
export function useLoad(get, keys) {
  const [state, setState] = useState({ loading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let wanted = true;
    setState((before) => ({ data: before.data, loading: true, stale: before.data !== undefined }));
    Promise.resolve()
      .then(get)
      .then(
        (data) => wanted && setState({ data, loading: false }),
        (error) => wanted && setState({ error, loading: false }),
      );
    return () => {
      wanted = false;
    };
  }, [...keys, turn]);
  const again = () => {
    forgetAnswers();
    setTurn((n) => n + 1);
  };
  return { ...state, again };
}

const REMEDY = {
  0: "Look whether it runs with `bin/insightflow status`, start it with `make up`, then try again.",
  403: "Ask an administrator of this workspace for the role that may do this.",
  404: "The link may be old, or name something of a workspace that is not yours. Start again from the overview.",
  422: "A filter in the address is not understood. Start again from the overview.",
  429: "Too many requests in a short time.",
  500: "The server's log has the details under this request's number.",
  503: "A database is away. `bin/insightflow doctor` says which, and how to mend it.",
};

const code = (text) => text.split("`").map((part, n) => (n % 2 ? html`<code>${part}</code>` : part));

export function Failure({ error, again }) {
  const wait = error.retryAfter || 0;
  const timer = useRef(null);
  useEffect(() => {
    if (wait && again) timer.current = setTimeout(again, wait * 1000);
    return () => clearTimeout(timer.current);
  }, [error]);
  return html`<div class="state failure" role="alert">
    <h2>This could not be loaded</h2>
    <p>${error.message ?? String(error)}</p>
    <p class="soft">${code(REMEDY[error.status] ?? "Try again in a moment.")}${wait ? ` Trying again in ${wait} s.` : ""}</p>
    ${[404, 422].includes(error.status) && html`<p><a href="/">Overview</a></p>`}
    ${again && html`<p><button type="button" onClick=${again}>Try again</button></p>`}
    ${error.requestId && html`<p class="soft small">Request ${error.requestId}</p>`}
  </div>`;
}

export const Empty = ({ title, children }) => html`<div class="state empty"><h2>${title}</h2><p class="soft">${children}</p></div>`;

export const Waiting = ({ lines = 4, what = "Loading" }) => html`<div class="waiting" role="status">
  <span class="visually-hidden">${what}…</span>
  ${Array.from({ length: lines }, () => html`<span class="bone"></span>`)}
</div>`;

// One of the three states, or `children(data)`.
export function Loaded({ from, children, lines, what }) {
  if (from.error) return html`<${Failure} error=${from.error} again=${from.again} />`;
  // null: there was nothing to ask for, as before the days of another workspace are known.
  if (from.data === undefined || from.data === null) return html`<${Waiting} lines=${lines} what=${what} />`;
  return html`<div class=${from.stale ? "stale" : ""} aria-busy=${from.loading ? "true" : "false"}>${children(from.data)}</div>`;
}
