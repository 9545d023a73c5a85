import type { CellPlan } from "../../config/plan.ts";
import { lastMeasured } from "../../results/deployments.ts";
import type { CellResult, Results } from "../../results/schema/results.ts";
import type { ServerRecord } from "../../results/schema/server.ts";
import { formatTime, NONE } from "../describe.ts";
import { cellName } from "../groups.ts";
import { type Html, html } from "./html.ts";

type Setting = readonly [string, string];

/** What a server says of itself may be long (a chat template): the rest is in server.json. */
const LONGEST_REPORTED = 1500;
const MASK = "***";

/** Every setting and version of each cell, folded away: enough to start the same server again. */
export function renderSettings(results: Results): Html {
  const plans = new Map(results.run.plan.cells.map((plan) => [plan.id, plan]));
  return html`<section id="settings" aria-labelledby="settings-title">
<h2 id="settings-title">Settings and versions</h2>
<div class="cells">
${results.cells.map((cell) => renderCell(results, cell, plans.get(cell.id)))}</div>
</section>
`;
}

function renderCell(results: Results, cell: CellResult, plan: CellPlan | undefined): Html {
  const server = lastMeasured(cell.server.deployments);
  const settings = [...describeAsked(plan), ...(server === undefined ? [] : describeServer(server))];
  const others = cell.server.deployments.filter(({ profiler }) => profiler === undefined).length - 1;
  return html`<details><summary>${cellName(results, cell)}</summary>
<dl class="facts wide">${[
    ["Spec hash", cell.server.specHash] as const,
    ...settings,
    ...(others > 0 ? [["Earlier deployments", String(others)] as const] : []),
  ].map(
    ([term, value]) => html`<div><dt>${term}</dt><dd><code>${value}</code></dd></div>
`,
  )}</dl></details>
`;
}

/** What the config asked for. A secret's value is masked here too, whatever the plan holds. */
function describeAsked(plan: CellPlan | undefined): readonly Setting[] {
  if (plan === undefined) return [];
  const { server, model, request } = plan;
  const path = model.path ?? model.package ?? model.folder;
  const shared: Setting[] = [
    ...(plan.version === undefined ? [] : [["Version asked for", plan.version] as const]),
    ["Model from", path ?? NONE],
    ...(Object.keys(request.extraBody).length === 0
      ? []
      : [["Added to requests", JSON.stringify(request.extraBody)] as const]),
  ];
  if (server.kind === "standing") {
    const headers = Object.entries(server.headers).map(
      ([name, value]): Setting => [name, server.secretHeaders.includes(name) ? MASK : value],
    );
    return [
      ["Server", server.simulated === true ? `${server.url}, a simulator` : server.url],
      ["Dialect", server.dialect],
      ["Headers", assignments(headers)],
      ...shared,
    ];
  }
  if (server.kind === "simulated") {
    return [
      ["Settings", describeObject(server.settings)],
      ["Simulated as", describeObject(server.profile)],
      ...shared,
    ];
  }
  const container: Setting[] =
    server.kind === "process"
      ? []
      : [
          ["Image asked for", server.image],
          ["Pool", server.pool],
          ["Resources", describeObject(server.resources)],
          ...(server.simulated === undefined
            ? []
            : [["Simulated as", describeObject(server.simulated.profile)] as const]),
        ];
  const env = Object.entries(server.env).map(
    ([name, value]): Setting => [name, server.secretEnv.includes(name) ? MASK : value],
  );
  return [
    ["Settings", describeObject(server.settings)],
    ...container,
    ["Arguments of its own", server.args.length === 0 ? NONE : server.args.map(quote).join(" ")],
    ["Environment asked for", assignments(env)],
    ...shared,
  ];
}

function describeServer(server: ServerRecord): readonly Setting[] {
  const { checkout } = server;
  return [
    ["Command", server.command.map(quote).join(" ")],
    ...(server.cwd === undefined ? [] : [["Folder", server.cwd] as const]),
    ["Environment", assignments(Object.entries(server.env))],
    ["Engine version", server.engineVersion],
    ["Spoken to as", server.dialect],
    ...(server.image === undefined ? [] : [["Image", server.image] as const]),
    ...(server.imageDigest === undefined ? [] : [["Image digest", server.imageDigest] as const]),
    ...(server.node === undefined ? [] : [["Node", server.node] as const]),
    ...(checkout === undefined
      ? []
      : [
          [
            "Checkout",
            `${checkout.path} at ${checkout.commit}${checkout.dirty ? " with uncommitted changes" : ""}`,
          ] as const,
        ]),
    ...(server.model.hash === undefined ? [] : [["Model hash", server.model.hash] as const]),
    ["Served as", server.model.servedName],
    [
      "Up",
      `${formatTime(server.startedAt)}${server.stoppedAt === undefined ? "" : ` to ${formatTime(server.stoppedAt)}`}`,
    ],
    ...(server.reported === undefined
      ? []
      : [["It says of itself", cut(JSON.stringify(server.reported))] as const]),
  ];
}

function assignments(entries: readonly Setting[]): string {
  return entries.length === 0 ? NONE : entries.map(([name, value]) => `${name}=${quote(value)}`).join(" ");
}

function describeObject(object: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? "defaults"
    : entries.map(([name, value]) => `${name} ${String(value)}`).join(", ");
}

/** A word as a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function cut(text: string): string {
  return text.length <= LONGEST_REPORTED
    ? text
    : `${text.slice(0, LONGEST_REPORTED)}… (the rest is in server.json)`;
}
