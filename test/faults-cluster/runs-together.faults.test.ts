import { describe, expect, it } from "vitest";
import { call } from "../cluster/cluster.ts";
import { type FaultyWorkflow, until } from "./cluster-client.ts";
import { cellOf, FaultRun } from "./fault-run.ts";
import { addRow, sayingOf } from "./fault-table.ts";
import { missing, namespace } from "./place.ts";
import { expectNoServers, expectWhole, unjudged } from "./whole-run.ts";

const none = { toFailure: undefined, retry: "none needed", retrySeconds: undefined, made: 0, serversLeft: 0 };

/** Workflows that a CronWorkflow has made, oldest first. */
function scheduled(cron: string): string[] {
  const words = `get workflows -n ${namespace} -l workflows.argoproj.io/cron-workflow=${cron} -o json`;
  const { items } = JSON.parse(call("kubectl", words.split(" "))) as {
    items: { metadata: { name: string; creationTimestamp: string } }[];
  };
  return items
    .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
    .map(({ metadata }) => metadata.name);
}

const started = ({ status }: FaultyWorkflow) => Date.parse(status?.startedAt ?? "");
const finished = ({ status }: FaultyWorkflow) => Date.parse(status?.finishedAt ?? "");

describe.skipIf(missing !== undefined)("runs that meet", () => {
  it("two runs of one config: one after the other, each with its own folder", async () => {
    const { submit } = await FaultRun.apply({
      name: "twice",
      longSeconds: 5,
      more: unjudged,
    });
    const [first, second] = [submit(), submit()];
    await first.untilStep("prepare", undefined, ["Running", "Succeeded"]);
    const waiting = (await second.workflow()).status;
    expect(waiting).toMatchObject({ phase: "Pending", message: expect.stringMatching(/lock/i) as string });
    expect((await first.untilEnded()).phase).toBe("Succeeded");
    const ended = await second.untilEnded();
    expect(ended.phase).toBe("Succeeded");
    const [one, two] = [await first.workflow(), await second.workflow()];
    expect(started(two)).toBeGreaterThanOrEqual(finished(one));
    for (const run of [first, second]) {
      await expectNoServers(run);
      expectWhole(run);
      expect(run.results().run.id).toBe(run.name);
    }
    addRow({
      fault: "two runs of one config at once",
      says: `the second: ${waiting?.message}`,
      ...none,
      kept: first.finished().size + second.finished().size,
    });
    for (const run of [first, second]) run.delete();
  });

  it("the clock during a run by hand: waits for it, is not started twice, is retried when it fails", async () => {
    const more = { ...unjudged, schedule: { cron: "* * * * *", timeZone: "UTC" } };
    const config = { name: "by-the-clock", longSeconds: 100, more };
    const { plan, submit } = await FaultRun.apply(config);
    const cron = `llmbench-${config.name}-nightly`;
    try {
      const byHand = submit();
      const name = await until("the clock to start a run", () => scheduled(cron)[0], 90);
      const byClock = FaultRun.of(name, plan);
      const waiting = await until("it to wait", async () => {
        const { status } = await byClock.workflow();
        return status?.phase === "Pending" ? status : undefined;
      });
      expect(waiting.message).toMatch(/lock/i);
      // The next minute passes while it waits.
      const next = new Date(Date.parse(waiting.startedAt ?? new Date().toISOString()));
      next.setUTCMinutes(next.getUTCMinutes() + 1, 10);
      await until("the next firing", () => (Date.now() > next.getTime() ? true : undefined), 90);
      expect(scheduled(cron)).toEqual([name]);
      call("argo", ["cron", "suspend", "-n", namespace, cron]);

      expect((await byHand.untilEnded()).phase).toBe("Succeeded");
      await expectNoServers(byHand);
      expectWhole(byHand);

      // Now the night's own run, which loses a server.
      const cell = cellOf(plan, "vllm");
      await byClock.untilMeasuring(cell, "long", 900);
      const words = `delete deployment -n ${namespace} -l llmbench.dev/run=${name},llmbench.dev/cell=${cell}`;
      call("kubectl", words.split(" "));
      const struckMs = performance.now();
      const failed = await byClock.untilStep("sweep", cell, ["Failed", "Error"]);
      const toFailure = (performance.now() - struckMs) / 1000;
      expect(failed.message).toMatch(/SERVER_DIED/);
      expect((await byClock.untilEnded()).phase).toBe("Failed");
      await expectNoServers(byClock);
      const before = byClock.finished();
      byClock.retry();
      const healed = await byClock.untilEnded();
      expect(healed.phase, (await byClock.troubles()).join("\n")).toBe("Succeeded");
      await expectNoServers(byClock);
      for (const [id, measurement] of before) expect(byClock.finished().get(id), id).toEqual(measurement);
      expectWhole(byClock);
      addRow({
        fault: "the clock during a run by hand; then its own run loses a server",
        says: `it waits: ${waiting.message}; then sweep: ${sayingOf(failed.message)}`,
        toFailure,
        retry: "argo retry",
        retrySeconds: healed.seconds,
        kept: before.size,
        made: byClock.finished().size - before.size,
        serversLeft: 0,
      });
      for (const run of [byHand, byClock]) run.delete();
    } finally {
      call("argo", ["cron", "delete", "-n", namespace, cron]);
    }
  });
});
