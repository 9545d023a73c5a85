import type { Results } from "../results/schema/results.ts";
import { renderCapacity } from "./html/capacity-section.ts";
import { type Figure, renderFigures } from "./html/figures.ts";
import { renderHowToRead } from "./html/how-to-read.ts";
import { type Html, html, raw } from "./html/html.ts";
import {
  renderBanner,
  renderDifferences,
  renderHeader,
  renderHeadline,
  renderWhatWasRun,
} from "./html/overview.ts";
import { renderProfiles } from "./html/profile-section.ts";
import { renderResults } from "./html/results-section.ts";
import { renderSettings } from "./html/settings.ts";
import { renderSteps } from "./html/steps-section.ts";
import { STYLE } from "./html/style.ts";
import { renderIncomplete, renderVerdicts } from "./html/verdicts-section.ts";

/**
 * The report as one HTML file: no scripts, nothing from the network, no data: addresses, so that it opens from disk
 * and under Argo's content security policy alike. The same results give the same bytes.
 */
export async function renderHtml(results: Results): Promise<string> {
  const figures = await renderFigures(results);
  const resultsSection = renderResults(results);
  const capacity = renderCapacity(results);
  const profiles = renderProfiles(results);
  const steps = renderSteps(results);
  const incomplete = renderIncomplete(results);
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="llmbench ${results.run.llmbenchVersion}">
<title>${results.run.name} · LLM inference benchmark</title>
<style>${raw(STYLE)}</style>
</head>
<body>
${renderBanner(results)}
<main>
${renderHeader(results)}${renderHeadline(results)}${renderDifferences(results)}${renderContents(figures, { results: resultsSection, capacity, profile: profiles, steps, incomplete })}${renderWhatWasRun(results)}${resultsSection}${capacity ?? ""}${figures.map(renderFigureSection)}${steps}${profiles}${renderVerdicts(results)}${incomplete}${renderSettings(results)}${renderHowToRead()}</main>
<footer><p>Made by llmbench ${results.run.llmbenchVersion} from <code>results.json</code> of run <code>${results.run.id}</code>.<span class="in-print"> Tables that the page folds away are printed where they were open. Every figure is in <code>results.json</code>.</span></p></footer>
</body>
</html>
`;
  return page.text;
}

function renderFigureSection(figure: Figure): Html {
  return html`<section id="${figure.id}" aria-labelledby="${figure.id}-title">
<h2 id="${figure.id}-title">${figure.title}</h2>
${figure.html}</section>
`;
}

function renderContents(
  figures: readonly Figure[],
  sections: Readonly<Record<"results" | "capacity" | "profile" | "steps" | "incomplete", Html | undefined>>,
): Html {
  const { results, capacity, profile, steps, incomplete } = sections;
  const entries: (readonly [string, string])[] = [
    ["run", "What was run"],
    ...(results !== undefined ? [["results", "Results"] as const] : []),
    ...(capacity !== undefined ? [["capacity-and-cost", "Capacity and cost"] as const] : []),
    ...figures.map((figure) => [figure.id, figure.title] as const),
    ...(steps !== undefined ? [["steps", "Steps of plugins"] as const] : []),
    ...(profile !== undefined ? [["profile", "Profile"] as const] : []),
    ["verdicts", "Verdicts"],
    ...(incomplete !== undefined ? [["incomplete", "What is missing"] as const] : []),
    ["settings", "Settings and versions"],
    ["how-to-read", "How to read this"],
  ];
  return html`<nav aria-label="Contents"><ul>${entries.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
`;
}
