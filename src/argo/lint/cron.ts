import type { ICronWorkflow } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/CronWorkflow";
import type { Rule } from "./finding.ts";
import type { ManifestView } from "./view.ts";

const cron = ({ object }: ManifestView): ICronWorkflow["spec"] | undefined =>
  object.kind === "CronWorkflow" ? object.spec : undefined;

/** The fields of a cron expression, with the numbers that each may hold. */
const fields = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of the month", least: 1, most: 31 },
  {
    name: "month",
    least: 1,
    most: 12,
    words: "jan feb mar apr may jun jul aug sep oct nov dec".split(" "),
    first: 1,
  },
  { name: "day of the week", least: 0, most: 6, words: "sun mon tue wed thu fri sat".split(" "), first: 0 },
] as const;

/** What is wrong with a cron expression; undefined when nothing is. */
function scheduleTrouble(schedule: string): string | undefined {
  if (/^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/.test(schedule))
    return undefined;
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== fields.length) return `it has ${parts.length} fields, not five`;
  for (const [index, field] of fields.entries()) {
    const words: readonly string[] = "words" in field ? field.words : [];
    const number = (text: string) => {
      const word = words.indexOf(text.toLowerCase());
      return word >= 0 && "first" in field
        ? word + field.first
        : /^\d+$/.test(text)
          ? Number(text)
          : Number.NaN;
    };
    for (const item of (parts[index] ?? "").split(",")) {
      const [range = "", step] = item.split("/");
      const bounds =
        range === "*" || range === "?" ? [field.least, field.most] : range.split("-").map(number);
      const [from = Number.NaN, to = from] = bounds;
      const stepFits = step === undefined || (/^\d+$/.test(step) && Number(step) > 0);
      if (bounds.length <= 2 && from >= field.least && to <= field.most && from <= to && stepFits) continue;
      return `"${item}" is no ${field.name}`;
    }
  }
  return undefined;
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

export const cronRules: readonly Rule[] = [
  {
    id: "bad-schedule",
    severity: "error",
    about: "A cron expression that Argo cannot read, or a time zone that does not exist.",
    remedy:
      'Five fields: minute, hour, day of the month, month, day of the week; a time zone as "Europe/Berlin".',
    check(view, report) {
      const spec = cron(view);
      for (const schedule of spec?.schedules ?? []) {
        const trouble = scheduleTrouble(schedule);
        if (trouble !== undefined) report({ field: "spec.schedules" }, `"${schedule}": ${trouble}.`);
      }
      if (spec?.timezone !== undefined && !isTimezone(spec.timezone)) {
        report({ field: "spec.timezone" }, `There is no time zone "${spec.timezone}".`);
      }
    },
  },
  {
    id: "cron-replace",
    severity: "warning",
    about:
      "Replace terminates the run that goes on: no exit hook and no exit handler runs, and what it had started stays.",
    remedy: "Use Forbid.",
    check(view, report) {
      if (cron(view)?.concurrencyPolicy === "Replace")
        report({ field: "spec.concurrencyPolicy" }, "Runs are terminated without their exit handlers.");
    },
  },
  {
    id: "cron-history",
    severity: "warning",
    about:
      "Few failed runs are kept (Argo keeps one unless told otherwise); a run that is gone cannot be retried or looked at.",
    remedy: "Keep at least as many as you may want to look back: history.failed.",
    check(view, report) {
      const spec = cron(view);
      const kept = spec?.failedJobsHistoryLimit ?? 1;
      if (spec !== undefined && kept < 2)
        report({ field: "spec.failedJobsHistoryLimit" }, `${kept} failed runs are kept.`);
    },
  },
  {
    id: "cron-own-templates",
    severity: "error",
    about:
      "A Workflow or CronWorkflow that runs a WorkflowTemplate has templates of its own; Argo refuses it.",
    remedy: "Put the templates into the WorkflowTemplate.",
    check(view, report) {
      if (view.spec.workflowTemplateRef !== undefined && view.templates.size > 0)
        report({ field: "spec.templates" }, "It has templates of its own.");
    },
  },
];
