import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accounts } from "../../pipelines/names.ts";
import { call, clusterMissing } from "./cluster.ts";
import { fileOf, inNamespace, testPlan } from "./configs.ts";
import { asServiceAccount, kubectl } from "./servers.ts";

const missing = clusterMissing();
if (missing !== undefined) process.stderr.write(`cluster tests of rights are skipped: ${missing}\n`);

/** With the ClusterRole, and without. */
const looking = "llmbench-rights-looking";
const alone = "llmbench-rights-alone";

/** In the words of `kubectl auth can-i --list`: one `resource: verbs` a line. */
function canI(kubeconfig: string, where: string): string[] {
  const list = kubectl(`--kubeconfig ${kubeconfig} auth can-i --list --no-headers -n ${where}`);
  return list.split("\n").flatMap((line) => {
    // Columns: resource, non-resource URLs, names, verbs; the last three in brackets.
    const [, resource, urls, names, verbs] = /^(\S*)\s+\[(.*)\]\s+\[(.*)\]\s+\[(.*)\]\s*$/.exec(line) ?? [];
    if (verbs === undefined) return [];
    return [`${resource || urls}${names ? ` (${names})` : ""}: ${verbs.split(" ").sort().join(" ")}`];
  });
}

/** What an account may do in each namespace of the cluster beyond what one without any role may. */
function rightsOf(namespace: string, account: string): Record<string, string[]> {
  const everywhere = kubectl("get namespaces -o name").split("\n").filter(Boolean);
  const everyone = asServiceAccount(namespace, "default");
  const own = asServiceAccount(namespace, account);
  try {
    const config = (who: typeof own) => who.env["KUBECONFIG"] as string;
    return Object.fromEntries(
      everywhere.map((name) => {
        const where = name.replace("namespace/", "");
        const common = new Set(canI(config(everyone), where));
        const rights = canI(config(own), where).filter((right) => !common.has(right));
        return [where, rights.sort()];
      }),
    );
  } finally {
    everyone.dispose();
    own.dispose();
  }
}

/** The list that the cluster's is held against: what each account's steps need, and no more. */
const look = {
  "deployments.apps": "get list watch",
  services: "get list watch",
  pods: "get list watch",
  events: "get list watch",
  "pods/log": "get",
  "workflowtaskresults.argoproj.io": "create patch",
};
const remove = {
  ...look,
  "deployments.apps": "delete get list watch",
  services: "delete get list watch",
  pods: "delete get list watch",
};
const deploy = {
  ...remove,
  "deployments.apps": "create delete get list patch watch",
  services: "create delete get list patch watch",
};
const wanted: Record<keyof typeof accounts, Readonly<Record<string, string>>> = {
  prepare: { ...remove, "workflows.argoproj.io": "get list" },
  server: deploy,
  profile: { ...deploy, "pods/exec": "create get" },
  teardown: remove,
  models: { "workflowtaskresults.argoproj.io": "create patch" },
};
/** All but who brings models, and has no business to look around. */
const steps = Object.entries(accounts).filter(([kind]) => kind !== "models");
/** With the ClusterRole, in every other namespace. */
const beyond = ["nodes: get list watch", "pods: list"];

const lines = (rights: Readonly<Record<string, string>>) =>
  Object.entries(rights)
    .map(([resource, verbs]) => `${resource}: ${verbs}`)
    .sort();

describe.skipIf(missing !== undefined)("what each ServiceAccount may do, by the cluster's own word", () => {
  beforeAll(async () => {
    const test = await testPlan("/nowhere");
    const hub = { repo: "owner/name", revision: "main" };
    const plan = { ...test, cells: test.cells.map((cell) => ({ ...cell, model: { ...cell.model, hub } })) };
    for (const namespace of [looking, alone]) {
      const lookBeyondNamespace = namespace === looking;
      const text = fileOf(inNamespace(plan, namespace, { lookBeyondNamespace }), "access.yaml");
      call("kubectl", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
    }
  });

  afterAll(() => {
    for (const namespace of [looking, alone])
      call("kubectl", ["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"]);
    const name = `llmbench-look-${looking}`;
    call("kubectl", ["delete", `clusterrole/${name}`, `clusterrolebinding/${name}`, "--ignore-not-found"]);
  });

  it("has the accounts that are made, and no other", () => {
    const made = kubectl(`get serviceaccounts -n ${alone} -o name`).split("\n").filter(Boolean).sort();
    const names = ["default", ...Object.values(accounts)].map((name) => `serviceaccount/${name}`);
    expect(made).toEqual(names.sort());
  });

  it.each(Object.entries(accounts))(
    "is, for %s without the ClusterRole, this in its namespace alone",
    (kind, account) => {
      const { [alone]: here, ...elsewhere } = rightsOf(alone, account);
      expect(here).toEqual(lines(wanted[kind as keyof typeof accounts]));
      expect(elsewhere).toHaveProperty("kube-system");
      for (const [namespace, rights] of Object.entries(elsewhere)) expect(rights, namespace).toEqual([]);
    },
  );

  it("is, for who brings models, the same with it", () => {
    const { [looking]: here, ...elsewhere } = rightsOf(looking, accounts.models);
    expect(here).toEqual(lines(wanted.models));
    for (const [namespace, rights] of Object.entries(elsewhere)) expect(rights, namespace).toEqual([]);
  });

  it.each(steps)("is, for %s with it, the same and to look beyond", (kind, account) => {
    const { [looking]: here, ...elsewhere } = rightsOf(looking, account);
    expect(here).toEqual(lines({ ...wanted[kind as keyof typeof accounts], nodes: "get list watch" }));
    for (const [namespace, rights] of Object.entries(elsewhere)) expect(rights, namespace).toEqual(beyond);
  });
});
