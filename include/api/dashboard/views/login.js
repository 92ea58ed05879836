// Name and password for a token.
import { html, useEffect, useState } from "../lib/html.js";
import { logIn } from "../lib/api.js";

export function LogIn({ onDone }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Log in · InsightFlow";
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const { username, password, remember } = event.target.elements;
    setBusy(true);
    setError("");
    try {
      await logIn(username.value, password.value, remember.checked);
      onDone();
    } catch (problem) {
      setError(problem.status === 0 ? "The server does not answer. Look with `bin/insightflow status`." : problem.message);
      setBusy(false);
      password.focus();
    }
  };
  return html`<main class="door">
    <form method="post" onSubmit=${submit}>
      <h1><img src="/assets/dashboard/icon.svg" alt="" width="34" height="34" />InsightFlow</h1>
      <p class="soft">What happened, what it costs, and whether the numbers can be trusted.</p>
      <label>User name<input name="username" autocomplete="username" autocapitalize="none" required autofocus /></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required /></label>
      <label class="check"><input name="remember" type="checkbox" />Stay logged in on this device</label>
      <p class="error" role="alert">${error}</p>
      <button class="primary" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
      <p class="small soft">The first log-in of an installation is printed by <code>make demo</code> and <code>bin/insightflow status</code>.</p>
    </form>
  </main>`;
}
