// Runs while the modules are still on their way: asks for what every view needs first, so that the two waits are one.
(() => {
  try {
    const session = JSON.parse(sessionStorage.getItem("insightflow.session"));
    const claims = JSON.parse(atob(session.access_token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    // An ended token is renewed first, by the usual way.
    if (claims.exp * 1000 < Date.now() + 1000) return;
    const workspace = new URLSearchParams(location.search).get("workspace");
    const target = `insights/summary${workspace ? `?${new URLSearchParams({ workspace })}` : ""}`;
    const answer = fetch(`/api/v1/${target}`, { headers: { Authorization: `Bearer ${session.access_token}` } });
    answer.catch(() => {});
    globalThis.insightflowEarly = { target, answer };
  } catch {
    // Then it is asked for later, and what is wrong is said there.
  }
})();
