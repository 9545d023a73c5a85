import { describe, expect, test } from "vitest";
import { findTrouble } from "../../../src/servers/kubernetes/trouble.ts";
import { event, makePod, waiting } from "./pods.ts";

const runningNow = { state: { running: { startedAt: "2026-11-24T12:00:04Z" } } };
const exited = (more: object) => ({ exitCode: 1, reason: "Error", ...more });

describe("no trouble", () => {
  test.each([
    [
      "waits for its turn",
      makePod({ node: null, unscheduled: "0/3 nodes are available: 1 Insufficient nvidia.com/gpu." }),
    ],
    ["is not judged by the scheduler yet", makePod({ node: null })],
    ["pulls its image", makePod({ container: waiting("ContainerCreating") })],
    ["runs", makePod({ container: runningNow })],
    [
      "ends because it was told to",
      makePod({
        metadata: { deletionTimestamp: "2026-11-24T12:00:09Z" },
        container: { state: { terminated: exited({}) } },
      }),
    ],
  ])("of a pod that %s", (_, pod) => {
    expect(findTrouble(pod)).toBeUndefined();
  });

  test("of a restart that was there before we came", () => {
    const pod = makePod({
      container: { ...runningNow, restartCount: 2, lastState: { terminated: exited({}) } },
    });
    expect(findTrouble(pod, [], 2)).toBeUndefined();
    expect(findTrouble(pod, [], 1)).toMatchObject({ code: "SERVER_EXITED", log: "previous" });
  });

  test("of old mount events once the container runs", () => {
    const pod = makePod({ container: runningNow });
    expect(
      findTrouble(pod, [event("FailedMount", 'MountVolume.SetUp failed for volume "models"')]),
    ).toBeUndefined();
  });
});

test.each([
  ["ErrImagePull", "manifest unknown", 0, "llmbench engines"],
  [
    "ImagePullBackOff",
    "Back-off pulling image: denied: requested access to the resource is denied",
    0,
    "imagePullSecrets",
  ],
  ["InvalidImageName", "couldn't parse image name", 0, "image and version"],
  ["ErrImageNeverPull", "not present with pull policy of Never", 0, "IfNotPresent"],
  ["ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", 90_000, "does not reach the registry"],
  ["ErrImagePull", "toomanyrequests: rate limit", 90_000, "image and version"],
])("an image that cannot be had: %s, %s", (reason, message, graceMs, hint) => {
  const trouble = findTrouble(makePod({ container: waiting(reason, message) }));
  expect(trouble).toMatchObject({
    code: "SERVER_IMAGE_UNAVAILABLE",
    message: expect.stringContaining(message),
    graceMs,
    hint: expect.stringContaining(hint),
  });
});

test.each([
  ['secret "hub" not found', "SERVER_SECRET_MISSING", "cluster.secrets"],
  ["couldn't find key token in Secret bench/hub", "SERVER_SECRET_MISSING", "cluster.secrets"],
  ["container has runAsNonRoot and image will run as root", "SERVER_START_FAILED", "needs root"],
  ["image has non-numeric user (app), cannot verify user is non-root", "SERVER_START_FAILED", "uid and gid"],
])("a container that is refused: %s", (message, code, hint) => {
  const pod = makePod({ container: waiting("CreateContainerConfigError", message) });
  expect(findTrouble(pod)).toMatchObject({
    code,
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
});

test("where the whole log of a server is that ended: also once its pod is gone", () => {
  const pod = (annotations: object) =>
    makePod({ metadata: { annotations }, container: { state: { terminated: exited({}) } } });
  const named = pod({ "llmbench.dev/run-id": "nightly-1", "llmbench.dev/cell-id": "vllm--llama" });
  expect(findTrouble(named)?.hint).toBe(
    "Whole log: llmbench logs nightly-1 -n bench --cell vllm--llama --step server",
  );
  expect(findTrouble(pod({}))?.hint).toBe("Whole log: kubectl logs -n bench server-abc");
});

test("an exit, by its status; one that Kubernetes brought about, by its reason", () => {
  const pod = makePod({ container: { state: { terminated: exited({ exitCode: 3 }) } } });
  expect(findTrouble(pod)).toMatchObject({
    code: "SERVER_EXITED",
    message: "the server exited with status 3",
    log: "current",
  });
  const killed = event("Killing", "Container server failed startup probe, will be restarted");
  expect(findTrouble(pod, [killed])?.message).toContain("failed startup probe");
});

test("a crash loop, also where it began before we came", () => {
  const pod = makePod({
    container: {
      ...waiting("CrashLoopBackOff", "back-off 10s"),
      restartCount: 4,
      lastState: { terminated: exited({ exitCode: 1 }) },
    },
  });
  expect(findTrouble(pod, [], 4)).toMatchObject({
    code: "SERVER_EXITED",
    log: "previous",
    exit: { code: 1 },
  });
});

test("want of memory", () => {
  const pod = makePod({
    container: { state: { terminated: exited({ exitCode: 137, reason: "OOMKilled" }) } },
  });
  expect(findTrouble(pod)).toMatchObject({
    code: "SERVER_OUT_OF_MEMORY",
    message: expect.stringContaining("the node had no memory left"),
  });
});

test("an eviction by the node, and a node that is lost", () => {
  const evicted = makePod({
    status: { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." },
  });
  expect(findTrouble(evicted)).toMatchObject({
    code: "SERVER_EVICTED",
    hint: expect.stringContaining("resources.memory"),
  });
  const lost = makePod({
    status: { conditions: [{ type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager" }] },
  });
  expect(findTrouble(lost)).toMatchObject({
    code: "SERVER_NODE_LOST",
    message: expect.stringContaining("gpu-1"),
    graceMs: 0,
  });
});

test.each([
  ['persistentvolumeclaim "models" not found', 5000],
  ["pod has unbound immediate PersistentVolumeClaims", 60_000],
])("a share that is not there: %s", (said, graceMs) => {
  const pod = makePod({ node: null, unscheduled: `0/3 nodes are available: ${said}.` });
  expect(findTrouble(pod)).toMatchObject({ code: "SERVER_SHARE_MISSING", graceMs });
});

test.each([
  [
    "FailedMount",
    'MountVolume.SetUp failed for volume "models": mount.nfs: Connection timed out',
    "SERVER_MOUNT_FAILED",
    "TCP 2049",
  ],
  [
    "FailedCreatePodSandBox",
    'no runtime for "nvidia": RuntimeHandler "nvidia" not supported',
    "SERVER_START_FAILED",
    "runtimeClass",
  ],
  ["FailedCreatePodSandBox", "failed to setup network for sandbox", "SERVER_START_FAILED", "describe node"],
])("what only events tell: %s, %s", (reason, message, code, hint) => {
  const pod = makePod({ container: waiting("ContainerCreating") });
  expect(findTrouble(pod, [event(reason, message)])).toMatchObject({
    code,
    hint: expect.stringContaining(hint),
  });
});

describe("a tool that is copied before the server starts", () => {
  const makeCopying = (copier: object) =>
    makePod({
      container: waiting("PodInitializing"),
      status: {
        initContainerStatuses: [
          { name: "tool", image: "nsys:1", imageID: "", ready: false, restartCount: 0, ...copier },
        ],
      },
    });

  test.each([
    ["is copied", { state: { running: { startedAt: "2026-11-24T12:00:04Z" } } }],
    ["is there", { ready: true, state: { terminated: { exitCode: 0, reason: "Completed" } } }],
  ])("is no trouble while it %s", (_, copier) => {
    expect(findTrouble(makeCopying(copier))).toBeUndefined();
  });

  test("has an image that cannot be had, and the config's key is named", () => {
    expect(findTrouble(makeCopying(waiting("ErrImagePull", "manifest unknown")))).toMatchObject({
      code: "SERVER_IMAGE_UNAVAILABLE",
      message: expect.stringContaining("nsys:1"),
      hint: expect.stringContaining("profiling.nsys"),
    });
  });

  test.each([["state"], ["lastState"]])("is not in its image, by %s", (when) => {
    const terminated = {
      exitCode: 1,
      reason: "Error",
      message: "cp: cannot stat '/nsys/.': No such file or directory\n",
    };
    const pod = makeCopying({ ...waiting("CrashLoopBackOff"), [when]: { terminated } });
    expect(findTrouble(pod)).toMatchObject({
      code: "SERVER_TOOL_MISSING",
      message: expect.stringContaining("cp: cannot stat '/nsys/.': No such file or directory"),
      hint: expect.stringContaining("profiling.nsys"),
    });
  });
});
