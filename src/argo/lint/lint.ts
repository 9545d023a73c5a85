import type { Manifest } from "../workflow.ts";
import { callRules } from "./calls.ts";
import { cronRules } from "./cron.ts";
import { type Finding, manifestName, type Rule } from "./finding.ts";
import { limitRules } from "./limits.ts";
import { lockRules } from "./locks.ts";
import { nameRules } from "./names.ts";
import { orderRules } from "./order.ts";
import { podRules } from "./pods.ts";
import { referenceRules } from "./references.ts";
import { retryRules } from "./retry.ts";
import { siteOf, viewManifests } from "./view.ts";

/** Every rule, in the order of the documentation. */
export const lintRules: readonly Rule[] = [
  ...callRules,
  ...referenceRules,
  ...orderRules,
  ...retryRules,
  ...podRules,
  ...nameRules,
  ...limitRules,
  ...lockRules,
  ...cronRules,
];

export interface LintOptions {
  /** Ids of rules whose findings are left out. */
  readonly ignore?: readonly string[];
}

/**
 * What will go wrong and no schema says: give it every manifest that is applied together, so that references between
 * them are looked at too. Errors first.
 */
export function lint(manifests: readonly Manifest[], options: LintOptions = {}): readonly Finding[] {
  const rules = lintRules.filter(({ id }) => !(options.ignore ?? []).includes(id));
  const findings: Finding[] = [];
  for (const view of viewManifests(manifests)) {
    for (const rule of rules) {
      const { id, severity, remedy } = rule;
      rule.check(view, (place, message) => {
        const at = siteOf(view, place.template, place.task);
        const whole = { manifest: manifestName(view), ...place, ...(at === undefined ? {} : { at }) };
        findings.push({ id, severity, place: whole, message, remedy });
      });
    }
  }
  return findings.sort((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
}
