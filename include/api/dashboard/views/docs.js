// The way to dbt's documentation: a browser sends no token with a page, so this trades it for a cookie first.
import { html } from "../lib/html.js";
import { change } from "../lib/api.js";
import { Empty, Loaded, useLoad } from "../lib/load.js";
import { Title } from "../lib/shell.js";

export default function Docs() {
  const from = useLoad(async () => {
    try {
      await change("/dbt-docs/session", {}, "POST");
    } catch (problem) {
      if (problem.status === 404) return { missing: true };
      throw problem;
    }
    location.replace("/dbt-docs");
    return {};
  }, []);
  return html`<${Title}>Data dictionary<//>
    <${Loaded} from=${from} what="Opening the documentation of the models">
      ${({ missing }) => (missing ? html`<${Empty} title="Not made yet">Run <code>bin/insightflow docs</code> where the services run: it writes the documentation of every table and column, and this page then opens it.<//>` : html`<p class="soft">Opening the documentation of every table and column…</p>`)}
    <//>`;
}
