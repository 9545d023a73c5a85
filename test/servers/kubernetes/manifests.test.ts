import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { makeManifests } from "../../../src/servers/kubernetes/manifests.ts";
import { labels, serverLabels, serverName } from "../../../src/servers/kubernetes/names.ts";
import { makeSpec } from "./spec.ts";

const options = {
  namespace: "llm-bench",
  workflow: { name: "a10-x7k2p", uid: "uid-1" },
  models: { claim: "models", subPath: "hub" },
  serversPerNode: 1,
  deployedAtMs: 1_795_000_000_000,
};

test("a server with all that it may have", async () => {
  const { deployment, service } = makeManifests(makeSpec(), options);
  const text = [deployment, service]
    .map((manifest) => stringify(manifest, { aliasDuplicateObjects: false }))
    .join("---\n");
  await expect(text).toMatchFileSnapshot("__snapshots__/server.yaml");
});

test("the same input gives the same manifests", () => {
  expect(makeManifests(makeSpec(), options)).toEqual(makeManifests(makeSpec(), options));
});

test("a server with the least: no GPU, no share, no workflow, beside others", () => {
  const { models: _, workflow: __, ...rest } = options;
  const spec = makeSpec({ env: {}, secretEnv: [] }, { secretEnv: {}, writable: [], resources: { gpus: 0 } });
  const { deployment } = makeManifests(spec, { ...rest, serversPerNode: 2 });
  expect(deployment.metadata).not.toHaveProperty("ownerReferences");
  const pod = deployment.spec?.template.spec;
  expect(pod).not.toHaveProperty("affinity");
  expect(pod?.volumes?.map(({ name }) => name)).toEqual(["shared-memory"]);
  expect(pod?.containers[0]?.resources).toEqual({ requests: {}, limits: {} });
});

test("an engine that needs root gets no more than an image takes for granted", () => {
  const { user: _, ...container } = makeSpec().container ?? {};
  const spec = { ...makeSpec(), container: { ...container, root: true } } as ReturnType<typeof makeSpec>;
  const pod = makeManifests(spec, options).deployment.spec?.template.spec;
  expect(pod?.securityContext).toEqual({ runAsNonRoot: false, seccompProfile: { type: "RuntimeDefault" } });
  expect(pod?.containers[0]?.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"], add: ["CHOWN", "DAC_OVERRIDE", "FOWNER"] },
  });
});

describe("a tool from an image of its own", () => {
  const tool = { image: "nsys:1", pullPolicy: "IfNotPresent", from: "/opt/nsys/", to: "/nsys" } as const;
  const podOf = (container: Parameters<typeof makeSpec>[1]) =>
    makeManifests(makeSpec({}, { tool, ...container }), options).deployment.spec?.template.spec;

  test("is copied before the server starts, which cannot write it", () => {
    const pod = podOf({});
    expect(pod?.initContainers).toEqual([
      {
        name: "tool",
        image: "nsys:1",
        imagePullPolicy: "IfNotPresent",
        command: ["cp", "-R", "/opt/nsys/.", "/tool"],
        volumeMounts: [{ name: "tool", mountPath: "/tool" }],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
        },
        terminationMessagePolicy: "FallbackToLogsOnError",
      },
    ]);
    expect(pod?.containers[0]?.volumeMounts).toContainEqual({
      name: "tool",
      mountPath: "/nsys",
      readOnly: true,
    });
    expect(pod?.volumes).toContainEqual({ name: "tool", emptyDir: {} });
  });

  test("is copied by nobody where the server runs as root", () => {
    const pod = podOf({ user: { uid: 0, gid: 0 }, root: true });
    expect(pod?.initContainers?.[0]?.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_534,
    });
  });

  test("is in no pod of a server without one", () => {
    const pod = makeManifests(makeSpec(), options).deployment.spec?.template.spec;
    expect(pod).not.toHaveProperty("initContainers");
  });
});

test("a spec without a container is a fault of ours", () => {
  const { container: _, ...spec } = makeSpec();
  expect(() => makeManifests(spec, options)).toThrow("nothing says how it runs in a container");
});

test.each([
  ["vllm--llama-3-8b", "run-1"],
  ["vllm--llama-3-8b", "run-2"],
  ["VLLM--llama-3-8b", "run-1"],
  ["vllm_llama_3_8b", "run-1"],
  ["0.6.4--größe", "run-1"],
  ["…", "run-1"],
  ["a".repeat(200), "run-1"],
  [`${"a".repeat(200)}b`, "run-1"],
])("the cell %s of %s has a name of its own that Kubernetes takes", (cellId, runId) => {
  const name = serverName({ runId, cellId });
  expect(name).toMatch(/^[a-z][-a-z0-9]{0,61}[a-z0-9]$/);
  for (const value of Object.values(serverLabels({ runId, cellId }))) {
    expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?$/);
  }
  const others = [
    { runId: "run-1", cellId: "other" },
    { runId: `${runId}x`, cellId },
    { runId, cellId: `${cellId}x` },
  ];
  expect(others.map(serverName)).not.toContain(name);
  expect(others.map((other) => JSON.stringify(serverLabels(other)))).not.toContain(
    JSON.stringify(serverLabels({ runId, cellId })),
  );
  expect(serverLabels({ runId, cellId })).toHaveProperty([labels.managedBy], "llmbench");
});
