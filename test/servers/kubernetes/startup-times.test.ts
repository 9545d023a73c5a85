import { expect, test } from "vitest";
import { StartupTimes } from "../../../src/servers/kubernetes/startup-times.ts";
import { event, makePod } from "./pods.ts";

const deployedAtMs = Date.parse("2026-11-24T12:00:00.400Z");
const at = (seconds: number) => deployedAtMs + seconds * 1000;
const created = { creationTimestamp: "2026-11-24T12:00:00Z" };
const runs = { state: { running: { startedAt: "2026-11-24T12:00:04Z" } } };
const pulled = { ...event("Pulled", "Successfully pulled image"), lastTimestamp: "2026-11-24T12:00:03Z" };

test("what we saw happen is timed by our clock, within the second that Kubernetes stamped", () => {
  const times = new StartupTimes(deployedAtMs);
  // Stamped :02, seen at :02.6.
  times.see(makePod({ metadata: created }), [], at(2.2));
  times.see(makePod({ metadata: created, container: runs }), [pulled], at(3.9));
  expect(times.phases).toEqual({ scheduledMs: 2200, pulledMs: 3599, startedMs: 3900 });
});

test("what happened before we came is timed by Kubernetes, to the end of its second", () => {
  const times = new StartupTimes(deployedAtMs);
  times.see(makePod({ metadata: created, container: runs }), [pulled], at(60));
  expect(times.phases).toEqual({ scheduledMs: 2599, pulledMs: 3599, startedMs: 4599 });
});

test("phases that have not been are null, and none is before the one it follows", () => {
  const times = new StartupTimes(deployedAtMs);
  times.see(makePod({ node: null, metadata: created, unscheduled: "no node" }), [], at(1));
  expect(times.phases).toEqual({ scheduledMs: null, pulledMs: null, startedMs: null });
  // Seen late to be scheduled, and in the same look to have started earlier in that second.
  const early = { state: { running: { startedAt: "2026-11-24T12:00:02Z" } } };
  times.see(makePod({ metadata: created }), [], at(2.5));
  times.see(makePod({ metadata: created, container: early }), [], at(2.5));
  expect(times.phases).toEqual({ scheduledMs: 2500, pulledMs: null, startedMs: 2500 });
});

test("a pod that came later, and a process that was started again, begin a clock of their own", () => {
  const times = new StartupTimes(deployedAtMs);
  times.see(makePod({ metadata: { creationTimestamp: "2026-11-24T12:10:00Z" } }), [], at(601));
  expect(times.since(Date.parse("2026-11-24T12:10:05Z"))).toBe(5000);
  const restarted = {
    restartCount: 1,
    lastState: { terminated: { finishedAt: "2026-11-24T12:20:00Z" } },
    state: { running: { startedAt: "2026-11-24T12:20:01Z" } },
  };
  times.see(makePod({ metadata: created, container: restarted }), [pulled], at(1300));
  expect(times.phases).toEqual({ scheduledMs: null, pulledMs: null, startedMs: 1999 });
});
