import { basename, isAbsolute } from "node:path";
import type { CellPlan } from "../../config/plan.ts";
import type { Results } from "../../results/schema/results.ts";
import {
  count,
  describeAmount,
  describeArrival,
  describeCache,
  formatBytes,
  formatMs,
  formatTime,
  joinWords,
  type Load,
  NONE,
  simulatedSentence,
} from "../describe.ts";
import { groupByModel } from "../groups.ts";
import { findHeadline, type Headline } from "../headline.ts";
import { cellsTable, describeSlos } from "../results-tables.ts";
import { countVerdicts, describeCounts } from "../verdicts.ts";
import { type Html, html } from "./html.ts";
import { renderTable } from "./tables.ts";

export function renderBanner(results: Results): Html | undefined {
  return results.simulated
    ? html`<p class="banner" role="note"><strong>Simulated.</strong> ${simulatedSentence(results.cells)}</p>`
    : undefined;
}

export function renderHeader(results: Results): Html {
  const { run } = results;
  const took =
    run.finishedAt === undefined
      ? undefined
      : formatMs(Date.parse(run.finishedAt) - Date.parse(run.startedAt));
  return html`<header>
<p class="eyebrow">LLM inference benchmark</p>
<h1>${run.name}</h1>
${run.description === undefined ? undefined : html`<p class="lead">${run.description}</p>`}
<p class="meta">${formatTime(run.startedAt)}${took === undefined ? undefined : ` · took ${took}`} · run ${run.id} · ${run.status}</p>
</header>
`;
}

const KINDS: Readonly<Record<Headline["kind"], string>> = {
  ranking: "What it shows",
  "no-difference": "No difference shown",
  refused: "Not ranked",
  single: "What was measured",
  nothing: "No result",
};

export function renderHeadline(results: Results): Html {
  const headline = findHeadline(results);
  const counts = countVerdicts(results);
  const tone = counts.invalid > 0 ? "invalid" : counts.suspect > 0 ? "suspect" : "valid";
  const total = counts.valid + counts.suspect + counts.invalid;
  return html`<section id="headline" class="headline" aria-labelledby="headline-title">
<h2 id="headline-title" class="eyebrow">${KINDS[headline.kind]}</h2>
<p class="sentence">${keepUnits(headline.sentence)}</p>
<p>${total === 0 ? undefined : html`<a class="verdict ${tone}" href="#verdicts">${describeCounts(counts)}</a>`}${
    results.run.status === "done"
      ? undefined
      : html` <a class="verdict suspect" href="#incomplete">run ${results.run.status}</a>`
  }</p>
</section>
`;
}

/** No line ends between a number and its unit. */
function keepUnits(sentence: string): string {
  return sentence.replace(/(\d) (?=(?:%|s|ms|tokens\/s)(?:\W|$))/g, "$1\u00a0");
}

/** What differs in the work, before any table invites to rank. */
export function renderDifferences(results: Results): Html | undefined {
  if (results.differences.length === 0) return undefined;
  return html`<section id="differences" class="callout" aria-labelledby="differences-title">
<h2 id="differences-title">Not the same work</h2>
<p>The variants differ in more than speed. Take this into account before ranking them:</p>
<ul>${results.differences.map((difference) => html`<li>${difference.text}</li>`)}</ul>
</section>
`;
}

export function renderWhatWasRun(results: Results): Html {
  return html`<section id="run" aria-labelledby="run-title">
<h2 id="run-title">What was run</h2>
${results.cells.length === 0 ? html`<p>No cell was started.</p>` : renderTable(cellsTable(results))}
<dl class="facts">${describeFacts(results).map(
    ([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>
`,
  )}</dl>
</section>
`;
}

function describeFacts(results: Results): readonly (readonly [string, string])[] {
  const { run } = results;
  const { plan } = run;
  const requests = distinct(plan.cells.map((cell) => describeRequest(cell)));
  const slos = describeSlos(results);
  return [
    ["Hardware", describeHardware(results)],
    ["Load", describeLoads(results)],
    ["Prompt", distinct(plan.cells.map(describePrompt)).join("; ")],
    ["Requests", requests.join("; ")],
    [
      "Warm-up",
      distinct(plan.cells.map((cell) => `${count(cell.warmupRequests, "request")} a cell`)).join("; "),
    ],
    ["Repetitions", distinct(plan.cells.map((cell) => describeRepetitions(cell, plan.seed))).join("; ")],
    ["Cache", distinct(plan.cells.flatMap(describeCaches)).join("; ")],
    ...(slos === undefined ? [] : [["SLO", slos] as const]),
    [
      "Ran by",
      [`${run.executor} executor`, ...(run.host === undefined ? [] : [`on ${run.host}`]), run.os].join(", "),
    ],
    ["Versions", `llmbench ${run.llmbenchVersion}, Node ${run.nodeVersion}`],
    [
      "Config",
      plan.source === undefined
        ? NONE
        : `${namedForOthers(plan.source.file)} (SHA-256 ${plan.source.sha256.slice(0, 12)}…)`,
    ],
    ["Seed", String(plan.seed)],
  ];
}

/** A path from the root is one of the machine that read the config, and says nothing to who reads the page elsewhere. */
const namedForOthers = (file: string) => (isAbsolute(file) ? basename(file) : file);

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function describeHardware(results: Results): string {
  const { hardware } = results.run;
  const others = distinct(results.cells.map((cell) => cell.hardware)).filter(
    (name) => name !== hardware.name,
  );
  const memory = hardware.memoryBytes === undefined ? [] : [`${formatBytes(hardware.memoryBytes)} memory`];
  const gpus = hardware.gpus.map(
    (gpu) => `${gpu.name}${gpu.driver === undefined ? "" : ` (driver ${gpu.driver})`}`,
  );
  const client = [hardware.name, ...memory, ...(gpus.length === 0 ? ["no GPU"] : gpus)].join(", ");
  return others.length === 0 ? client : `${joinWords(others)}; client on ${client}`;
}

function describeLoads(results: Results): string {
  const measured = groupByModel(results)[0]?.blocks ?? [];
  if (measured.length === 0) return NONE;
  return measured
    .map(({ block, loads }) => `${block}: ${describeBlock(loads.map(({ load }) => load))}`)
    .join(". ");
}

function describeRepetitions({ repetitions, order }: CellPlan, seed: number): string {
  const drawn = order === undefined ? "" : `, each in an order over the points that was drawn (seed ${seed})`;
  return `${repetitions}${drawn}`;
}

/** "concurrency 1, 2 and 4; 64 output tokens; 12 to 24 requests a point". */
function describeBlock(loads: readonly Load[]): string {
  const concurrencies = distinct(
    loads.flatMap((load) => (load.arrival === "closed" ? [String(load.concurrency ?? 1)] : [])),
  );
  const rates = loads.filter((load) => load.arrival !== "closed").map(describeArrival);
  const starts = [
    ...(concurrencies.length === 0 ? [] : [`concurrency ${joinWords(concurrencies)}`]),
    ...distinct(rates),
  ];
  const inputs = distinct(
    loads.flatMap((load) => (load.inputTokens === undefined ? [] : [String(load.inputTokens)])),
  );
  const requests = loads.flatMap((load) => (load.precision === undefined ? (load.requests ?? []) : []));
  const [least, most] = [Math.min(...requests), Math.max(...requests)];
  const amounts = distinct(loads.flatMap((load) => describeAmount(load) ?? []));
  const amount =
    requests.length === loads.length && least < most
      ? `${least} to ${count(most, "request")}`
      : joinWords(amounts);
  return [
    joinWords(starts),
    ...(inputs.length === 0 ? [] : [`${joinWords(inputs)} input tokens`]),
    `${joinWords(distinct(loads.map((load) => String(load.outputTokens))))} output tokens`,
    ...(amount === "" ? [] : [`${amount} a point`]),
  ].join("; ");
}

function describePrompt(cell: CellPlan): string {
  const { prompt } = cell.request;
  if (prompt.kind === "dataset") {
    const hash = prompt.sha256 === undefined ? "" : ` (SHA-256 ${prompt.sha256.slice(0, 12)}…)`;
    return `data set ${prompt.path}${hash}`;
  }
  return `“${prompt.text.length > 160 ? `${prompt.text.slice(0, 160)}…` : prompt.text}”`;
}

function describeRequest(cell: CellPlan): string {
  const { api, temperature, forceOutputLength, timeoutSeconds } = cell.request;
  const length = forceOutputLength ? "output length forced where the engine can" : "output length not forced";
  return `${api}, temperature ${temperature}, ${length}, time-out ${timeoutSeconds} s`;
}

/** Each contract of a cell's points, in words. */
function describeCaches(cell: CellPlan): readonly string[] {
  const { points, autoSweep } = cell;
  const asked =
    autoSweep === undefined
      ? points.map(({ load }) => load)
      : [
          {
            ...(autoSweep.cache === undefined ? {} : { cache: autoSweep.cache }),
            ...(autoSweep.inputTokens[0] === undefined ? {} : { inputTokens: autoSweep.inputTokens[0] }),
          },
        ];
  return distinct(asked.map(describeCache));
}
