import type { AbResult } from "../results/schema/ab.ts";
import type { Results } from "../results/schema/results.ts";
import { capacitySentences } from "./capacity.ts";
import {
  capitalize,
  count,
  describeExcess,
  describeLoad,
  formatMs,
  formatMsRange,
  formatNumber,
  formatRange,
  joinWords,
} from "./describe.ts";
import { cautionOf, refusalOf } from "./differences.ts";
import { commonThroughput, differs, type Estimate, latencyMean, throughputOf } from "./estimates.ts";
import {
  type Entry,
  groupByModel,
  isComparable,
  type LoadGroup,
  type ModelGroup,
  variantName,
} from "./groups.ts";
import { describeNothing } from "./no-result.ts";

/** The run in one sentence. It never ranks what was found invalid, nor what the intervals cannot tell apart. */
export interface Headline {
  /**
   * `ranking`: one variant is shown to lead. `no-difference`: compared, not told apart. `refused`: they did different work,
   * and the plan is strict. `single`: nothing to compare.
   */
  readonly kind: "ranking" | "no-difference" | "refused" | "single" | "nothing";
  readonly sentence: string;
}

interface Contender {
  readonly entry: Entry;
  readonly name: string;
  readonly estimate: Estimate;
}

/** What one model's cells show at the load that tells most. */
interface Finding {
  readonly model: ModelGroup;
  readonly group: LoadGroup;
  readonly metric: "throughput" | "e2e";
  /** Best first. */
  readonly contenders: readonly Contender[];
  /** Of the contenders, those that cannot be told from the first. */
  readonly tied: readonly Contender[];
  /** Cells of the model that have no comparable figure at this load, and why. */
  readonly leftOut: readonly string[];
}

export function findHeadline(results: Results): Headline {
  if (results.ab !== undefined) return describeAb(results, results.ab);
  const findings = groupByModel(results).flatMap((model) => find(results, model) ?? []);
  const prefix = simulatedPrefix(results.cells);
  const capacities = findings.length === 0 ? capacitySentences(results) : [];
  if (capacities.length > 0) return { kind: "single", sentence: capitalize(prefix + capacities.join(" ")) };
  if (findings.length === 0)
    return { kind: "nothing", sentence: capitalize(prefix + describeNothing(results)) };
  const compared = findings.flatMap((finding) =>
    finding.contenders.length > 1 ? [finding.contenders.map((contender) => contender.entry.cell)] : [],
  );
  const refusal = refusalOf(results, compared);
  if (refusal !== undefined) return { kind: "refused", sentence: capitalize(prefix + refusal) };
  return {
    kind: kindOf(findings),
    sentence: capitalize(`${prefix}${cautionOf(results, compared)}${describeFindings(findings)}.`),
  };
}

/** An A/B has a test of its own, which says more than intervals that overlap or do not. */
function describeAb(results: Results, { a, b, comparisons, sentence }: AbResult): Headline {
  const compared = results.cells.filter(({ id }) => id === a || id === b);
  const found = comparisons.some(({ finding }) => finding !== "no-difference-shown");
  const refusal = refusalOf(results, comparisons.length > 0 ? [compared] : []);
  if (refusal !== undefined)
    return { kind: "refused", sentence: capitalize(simulatedPrefix(results.cells) + refusal) };
  const words = simulatedPrefix(results.cells) + cautionOf(results, comparisons.length > 0 ? [compared] : []);
  const kind = comparisons.length === 0 ? "nothing" : found ? "ranking" : "no-difference";
  return { kind, sentence: `${capitalize(words)}${sentence}` };
}

function kindOf(findings: readonly Finding[]): Headline["kind"] {
  const compared = findings.filter((finding) => finding.contenders.length > 1);
  if (compared.length === 0) return "single";
  return compared.some((finding) => finding.tied.length < finding.contenders.length - 1)
    ? "ranking"
    : "no-difference";
}

/** The load with most comparable cells, then with intervals, then the heaviest. */
function find(results: Results, model: ModelGroup): Finding | undefined {
  const findings = model.blocks
    .flatMap((block) => block.loads)
    .flatMap((group) => weigh(results, model, group) ?? [])
    .map((finding) => ({ finding, rank: rankOf(finding) }));
  findings.sort((a, b) => compareRanks(b.rank, a.rank));
  return findings[0]?.finding;
}

function rankOf(finding: Finding): readonly number[] {
  const { load } = finding.group;
  return [
    finding.contenders.length,
    finding.contenders.every((contender) => contender.estimate.spread === "interval") ? 1 : 0,
    load.concurrency ?? load.ratePerSecond ?? 0,
    load.outputTokens,
  ];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function weigh(results: Results, model: ModelGroup, group: LoadGroup): Finding | undefined {
  const usable = group.entries.filter(isComparable);
  const metric = chooseMetric(group, usable);
  const kind = commonThroughput(usable.map((entry) => entry.point));
  const contenders = usable.flatMap((entry) => {
    const estimate =
      metric === "throughput" ? throughputOf(entry.point, kind) : latencyMean(entry.point, "e2e");
    return estimate === null ? [] : [{ entry, name: variantName(results, entry.cell), estimate }];
  });
  if (contenders.length === 0) return undefined;
  const sign = metric === "throughput" ? -1 : 1;
  contenders.sort((a, b) => sign * (a.estimate.value - b.estimate.value));
  const [leader, ...others] = contenders;
  const tied = others.filter((other) => leader !== undefined && !differs(leader.estimate, other.estimate));
  return {
    model,
    group,
    metric,
    contenders,
    tied,
    leftOut: describeLeftOut(results, model, group, contenders),
  };
}

/** Throughput where it can tell or nothing can; E2E latency, whose interval needs fewer requests, otherwise. */
function chooseMetric(group: LoadGroup, usable: readonly Entry[]): Finding["metric"] {
  // At an offered rate throughput only says what was offered.
  if (group.load.arrival !== "closed") return "e2e";
  const kind = commonThroughput(usable.map((entry) => entry.point));
  const carries = (estimates: readonly (Estimate | null)[]) =>
    estimates.every((estimate) => estimate?.spread === "interval");
  if (carries(usable.map((entry) => throughputOf(entry.point, kind)))) return "throughput";
  return carries(usable.map((entry) => latencyMean(entry.point, "e2e"))) ? "e2e" : "throughput";
}

function describeLeftOut(
  results: Results,
  model: ModelGroup,
  group: LoadGroup,
  contenders: readonly Contender[],
): readonly string[] {
  return model.cells
    .filter((cell) => contenders.every((contender) => contender.entry.cell.id !== cell.id))
    .map((cell) => {
      const name = variantName(results, cell);
      const point = group.entries.find((entry) => entry.cell.id === cell.id)?.point;
      if (point?.verdict.status === "invalid")
        return `${name} is left out because its measurement is invalid`;
      if (cell.status === "failed")
        return `${name} is left out because it failed (${cell.error?.code ?? "no code"})`;
      return `${name} is left out because it was not measured at this load`;
    });
}

function describeFindings(findings: readonly Finding[]): string {
  if (findings.length > 3) return describeManyModels(findings);
  const loads = new Set(findings.map((finding) => describeLoad(finding.group.load)));
  const [load] = loads;
  if (loads.size === 1 && findings.length > 1) {
    return `at ${load}, ${findings.map((each) => `for ${each.model.model}, ${describeFinding(each)}`).join("; ")}`;
  }
  return findings
    .map((each) => `for ${each.model.model} at ${describeLoad(each.group.load)}, ${describeFinding(each)}`)
    .join("; ");
}

function describeFinding(finding: Finding): string {
  const [leader, ...others] = finding.contenders;
  if (leader === undefined) return "";
  const suspects = finding.contenders.filter(
    (contender) => contender.entry.point.verdict.status === "suspect",
  );
  const remarks = [
    ...(suspects.length === 0
      ? []
      : [
          `${suspects.length === 1 ? "the figure" : "the figures"} of ${joinWords(suspects.map((s) => s.name))} ${suspects.length === 1 ? "is" : "are"} suspect`,
        ]),
    ...finding.leftOut,
  ];
  const main =
    others.length === 0
      ? describeSingle(finding, leader)
      : finding.tied.length > 0
        ? describeTie(finding, leader)
        : describeLead(finding, leader, others);
  return [main, ...remarks].join("; ");
}

function describeSingle(finding: Finding, leader: Contender): string {
  return `${describeLeader(finding, leader)}, with nothing to compare it with`;
}

function describeLeader(finding: Finding, leader: Contender): string {
  return finding.metric === "throughput"
    ? `${leader.name} served ${formatNumber(leader.estimate.value)} tokens/s${spread(finding, leader, true)}`
    : `${leader.name} answered in ${formatMs(leader.estimate.value)} on average${spread(finding, leader, true)}`;
}

function describeLead(finding: Finding, leader: Contender, others: readonly Contender[]): string {
  const next = others[0] as Contender;
  const among = others.length === 1 ? "" : `, the next of ${finding.contenders.length}`;
  if (finding.metric === "throughput") {
    const excess = describeExcess(leader.estimate.value, next.estimate.value);
    const words = "times" in excess ? excess.times : `${excess.percent} more than`;
    const figure = `${formatNumber(next.estimate.value)}${spread(finding, next, false)}`;
    return `${describeLeader(finding, leader)}, ${words} the ${figure} of ${next.name}${among}`;
  }
  const excess = describeExcess(next.estimate.value, leader.estimate.value);
  const words = "times" in excess ? `${excess.times} as long` : `${excess.percent} longer`;
  const figure = `${formatMs(next.estimate.value)}${spread(finding, next, false)}`;
  return `${describeLeader(finding, leader)}, and ${next.name}${among === "" ? "" : `${among},`} took ${words}: ${figure}`;
}

function describeTie(finding: Finding, leader: Contender): string {
  const group = [leader, ...finding.tied];
  const figures =
    group.length > 4
      ? [
          `${group.length} variants (${describeValue(finding, leader)} to ${describeValue(finding, group.at(-1) as Contender)})`,
        ]
      : group.map((each) => `${each.name} (${describeValue(finding, each)})`);
  const measure = finding.metric === "throughput" ? "throughput" : "mean E2E latency";
  const fewest = Math.min(...group.map((each) => each.estimate.count));
  const reason = group.every((each) => each.estimate.spread === "interval")
    ? `their ${level(leader)} % intervals overlap`
    : `${count(fewest, "request")} ${group.length > 1 ? "each " : ""}${fewest === 1 ? "is" : "are"} too few to tell`;
  const below = finding.contenders.filter((each) => !group.includes(each)).map((each) => each.name);
  const worse = finding.metric === "throughput" ? "served less than" : "took longer than";
  const rest = below.length === 0 ? "" : `, while ${joinWords(below)} ${worse} ${leader.name}`;
  return `no difference in ${measure} is shown ${group.length > 4 ? "among" : "between"} ${joinWords(figures)}, because ${reason}${rest}`;
}

function describeValue(finding: Finding, contender: Contender): string {
  return finding.metric === "throughput"
    ? `${formatNumber(contender.estimate.value)} tokens/s`
    : formatMs(contender.estimate.value);
}

function spread(finding: Finding, { estimate, entry }: Contender, named: boolean): string {
  if (estimate.spread !== "interval" || estimate.low === undefined || estimate.high === undefined) return "";
  const range =
    finding.metric === "throughput"
      ? formatRange(estimate.low, estimate.high)
      : formatMsRange(estimate.low, estimate.high);
  return ` (${named ? `${level({ entry })} % interval ` : ""}${range})`;
}

function level({ entry }: Pick<Contender, "entry">): string {
  return formatNumber((entry.point.metrics?.e2eMs.level ?? 0.95) * 100).replace(/\.0$/, "");
}

function describeManyModels(findings: readonly Finding[]): string {
  const leads = new Map<string, number>();
  let undecided = 0;
  for (const { contenders, tied } of findings) {
    const leader = contenders[0];
    if (leader === undefined || contenders.length < 2 || tied.length > 0) undecided += 1;
    else leads.set(leader.name, (leads.get(leader.name) ?? 0) + 1);
  }
  const parts = [...leads].sort((a, b) => b[1] - a[1]).map(([name, times]) => `${name} leads on ${times}`);
  if (undecided > 0) parts.push(`no difference is shown on ${undecided}`);
  return `of ${findings.length} models, each at its most telling load, ${joinWords(parts)}`;
}

/** A sentence that is quoted alone must say itself what it is about. */
function simulatedPrefix(cells: Results["cells"]): string {
  const simulated = cells.filter((cell) => cell.simulated);
  if (simulated.length === 0) return "";
  if (simulated.length === cells.length) return "Simulated engines, not real ones: ";
  const variants = [...new Set(simulated.map(({ variant }) => variant))];
  return `${joinWords(variants)} ${variants.length === 1 ? "is" : "are"} simulated, not real: `;
}
