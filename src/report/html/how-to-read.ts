import { DEFINITIONS } from "../definitions.ts";
import { type Html, html } from "./html.ts";

export function renderHowToRead(): Html {
  return html`<section id="how-to-read" aria-labelledby="how-to-read-title">
<h2 id="how-to-read-title">How to read this</h2>
<dl class="definitions">${DEFINITIONS.map(
    ({ term, text }) => html`<div><dt>${term}</dt><dd>${text}</dd></div>
`,
  )}</dl>
<p>The formulas, and how other tools use the same words for other things, are in <cite>docs/metrics.md</cite> of llm-inference-benchmark; <cite>docs/no-radar.md</cite> says which figures a report leaves out, and why.</p>
</section>
`;
}
