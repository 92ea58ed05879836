// Runs before the first paint: the chosen theme, else the system's. A classic script, so that nothing flashes.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("insightflow.theme");
  } catch {
    // Storage may be switched off; the system's theme then stands.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  // Inside another page (Airflow's) the navigation gets out of the way.
  if (window.top !== window.self) document.documentElement.dataset.embedded = "";
})();
