import type { Results } from "../results/schema/results.ts";
import { CAPACITY_FORMULA, COST_FORMULA, capacitySentences, capacityTable, costTable } from "./capacity.ts";
import { clientErrorTable } from "./client-errors.ts";
import { count, formatMs, formatTime, simulatedSentence } from "./describe.ts";
import { cellName, groupByModel, type ModelGroup } from "./groups.ts";
import { findHeadline } from "./headline.ts";
import { makePlots } from "./plots/all.ts";
import { LIGHT } from "./plots/palette.ts";
import { PROFILE_SENTENCE, viewProfile } from "./profile-tables.ts";
import { REASONS } from "./reasons.ts";
import { cellsTable, resultsTable } from "./results-tables.ts";
import { serverTable } from "./server-table.ts";
import { STEPS_SENTENCE, stepTables } from "./step-tables.ts";
import type { Table, TableCell } from "./table.ts";
import { countVerdicts, describeCounts, groupFindings } from "./verdicts.ts";

/** The report for a pull request or a chat: headline, tables and verdicts, without plots. GitHub's dialect. */
export function renderMarkdown(results: Results): string {
  const { run } = results;
  const took =
    run.finishedAt === undefined
      ? ""
      : `, took ${formatMs(Date.parse(run.finishedAt) - Date.parse(run.startedAt))}`;
  const blocks: readonly string[] = [
    `# ${escapeMarkdown(run.name)}`,
    ...(run.description === undefined ? [] : [escapeMarkdown(run.description)]),
    ...(results.simulated ? [`> **Simulated.** ${simulatedSentence(results.cells)}`] : []),
    `**${escapeMarkdown(findHeadline(results).sentence)}**`,
    `Run ${escapeMarkdown(run.id)}, ${formatTime(run.startedAt)}${took}, ${run.status}. ${describeCounts(countVerdicts(results))}.`,
    ...renderDifferences(results),
    ...(results.cells.length === 0 ? [] : ["## What was run", renderTable(cellsTable(results))]),
    ...groupByModel(results)
      .filter((model) => model.blocks.length > 0)
      .flatMap((model) => [
        `## Results: ${escapeMarkdown(model.model)}`,
        renderTable(resultsTable(results, model)),
        ...renderServers(results, model),
        ...renderClientErrors(clientErrorTable(results, model)),
      ]),
    ...renderCapacity(results),
    ...renderPlotTables(results),
    ...renderSteps(results),
    ...renderProfiles(results),
    ...renderVerdicts(results),
    ...renderMissing(results),
    `Means; [a–b] is an interval, (a–b) lowest and highest where there are too few requests for one. Hardware: ${escapeMarkdown(run.hardware.name)}. Made by llmbench ${escapeMarkdown(run.llmbenchVersion)}.`,
  ];
  return `${blocks.join("\n\n")}\n`;
}

function renderClientErrors(table: Table | undefined): readonly string[] {
  return table === undefined ? [] : [`**${escapeMarkdown(table.caption)}**`, renderTable(table)];
}

function renderCapacity(results: Results): readonly string[] {
  const capacity = capacityTable(results);
  const cost = costTable(results);
  if (capacity === undefined && cost === undefined) return [];
  const priced = results.run.plan.cells.some(({ price }) => price !== undefined);
  return [
    "## Capacity and cost",
    ...capacitySentences(results).map(escapeMarkdown),
    ...(capacity === undefined ? [] : [escapeMarkdown(CAPACITY_FORMULA), renderTable(capacity)]),
    ...(priced ? [escapeMarkdown(COST_FORMULA)] : []),
    ...(cost === undefined ? [] : [renderTable(cost)]),
  ];
}

function renderDifferences(results: Results): readonly string[] {
  if (results.differences.length === 0) return [];
  return [
    "## Not the same work",
    results.differences.map((each) => `- ${escapeMarkdown(each.text)}`).join("\n"),
  ];
}

function renderServers(results: Results, model: ModelGroup): readonly string[] {
  const table = serverTable(results, model);
  return table === undefined
    ? []
    : [`### Inside the servers: ${escapeMarkdown(model.model)}`, renderTable(table)];
}

/** What an A/B found, start-up and ratios stand in no other table; the plots' other tables repeat the results. */
function renderPlotTables(results: Results): readonly string[] {
  return makePlots(results, LIGHT)
    .filter((plot) => ["ab", "relative", "startup"].includes(plot.id))
    .flatMap((plot) => [`## ${escapeMarkdown(plot.title)}`, renderTable(plot.table)]);
}

function renderSteps(results: Results): readonly string[] {
  const tables = stepTables(results);
  if (tables.length === 0) return [];
  return [
    "## Steps of plugins",
    STEPS_SENTENCE,
    ...tables.flatMap((table) => [`**${escapeMarkdown(table.caption)}**`, renderTable(table)]),
  ];
}

function renderProfiles(results: Results): readonly string[] {
  const blocks = results.cells.flatMap((cell) => {
    if (cell.profile === undefined) return [];
    const { sentences, tables, files } = viewProfile(cell, cell.profile);
    return [
      `### ${escapeMarkdown(cellName(results, cell))}`,
      [...sentences, `Files: ${files.join(", ")}`].map((line) => `- ${escapeMarkdown(line)}`).join("\n"),
      ...tables.flatMap((table) => [`**${escapeMarkdown(table.caption)}**`, renderTable(table)]),
    ];
  });
  return blocks.length === 0 ? [] : ["## Profile", escapeMarkdown(PROFILE_SENTENCE), ...blocks];
}

function renderVerdicts(results: Results): readonly string[] {
  const groups = groupFindings(results);
  if (groups.length === 0) return [];
  const lines = groups.map(({ code, status, findings }) => {
    const { title, advice } = REASONS[code];
    const first = findings[0];
    const example = first === undefined ? "" : ` ${first.place}: ${first.reason.text}`;
    const more = findings.length > 1 ? ` And ${count(findings.length - 1, "more point")}.` : "";
    return `- **${status}** \`${code}\`: ${title}.${escapeMarkdown(example)}${more} *${advice}*`;
  });
  return ["## Verdicts", lines.join("\n")];
}

function renderMissing(results: Results): readonly string[] {
  const failed = results.cells.flatMap((cell) => {
    if (cell.error === undefined) return [];
    const { code, message, hint } = cell.error;
    const words = `${cellName(results, cell)} ${cell.status}: ${message}${hint === undefined ? "" : ` ${hint}`}`;
    return [`- ${escapeMarkdown(words)} (\`${code}\`)`];
  });
  const incomplete = results.incomplete.map((item) => `- ${escapeMarkdown(item)}`);
  return failed.length + incomplete.length === 0
    ? []
    : ["## What is missing", [...failed, ...incomplete].join("\n")];
}

function renderTable(table: Table): string {
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  const grouped = table.groups.some((group) => group.title !== undefined);
  const heads = table.columns.map(({ title, unit }) =>
    escapeMarkdown(unit === undefined ? title : `${title}, ${unit}`),
  );
  const rules = table.columns.map((column) => (column.numeric ? "---:" : "---"));
  const rows = table.groups.flatMap((group) =>
    group.rows.map((row) => {
      const cells = row.map(renderCell);
      return line(grouped ? [escapeMarkdown(group.title ?? ""), ...cells] : cells);
    }),
  );
  return [line(grouped ? ["", ...heads] : heads), line(grouped ? ["---", ...rules] : rules), ...rows].join(
    "\n",
  );
}

function renderCell({ text, note }: TableCell): string {
  return escapeMarkdown(note === undefined ? text : `${text} ${note}`);
}

/** Text that stays text: no markup, no HTML, no table cell of its own, in one line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/\p{Cc}/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\\`*_|#~[\]]/g, "\\$&");
}
