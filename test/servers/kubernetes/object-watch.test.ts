import { expect, onTestFinished, test } from "vitest";
import { ObjectWatch } from "../../../src/servers/kubernetes/object-watch.ts";
import type { Pod } from "../../../src/servers/kubernetes/objects.ts";
import { answer, type FakeApiServer, startFake } from "./fake-api-server.ts";

const pods = "/api/v1/namespaces/bench/pods";
const labels = { app: "server" };

async function startWatch() {
  const { server, client } = await startFake();
  server.put(`${pods}/a`, { metadata: { labels } });
  server.put(`${pods}/other`, { metadata: { labels: { app: "other" } } });
  const watch = new ObjectWatch<Pod>(client, pods, { labelSelector: "app=server" });
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  onTestFinished(() => stop.abort());
  await watch.listed();
  await untilWatching(server);
  const names = () =>
    watch.objects.map(({ metadata }) => metadata?.name ?? "").sort((a, b) => a.localeCompare(b));
  const until = async (wanted: string[]) => {
    while (names().join() !== wanted.join()) await watch.next(5000);
  };
  const lists = () => server.requests.filter((request) => request === `GET ${pods}`).length;
  return { server, watch, stop, running, names, until, lists };
}

async function untilWatching(server: FakeApiServer): Promise<void> {
  await expect.poll(() => server.watching(pods), { interval: 5, timeout: 5000 }).toBe(1);
}

test("what is added, changed and taken away is seen", async () => {
  const { server, watch, names, until, stop, running } = await startWatch();
  expect(names()).toEqual(["a"]);
  server.put(`${pods}/b`, { metadata: { labels } });
  await until(["a", "b"]);
  server.put(`${pods}/b`, { metadata: { labels }, status: { phase: "Running" } });
  server.take(`${pods}/a`);
  await until(["b"]);
  expect(watch.objects[0]?.status?.phase).toBe("Running");
  stop.abort();
  await running;
});

test("a watch that breaks off goes on from where it was, without a new list", async () => {
  const { server, until, lists } = await startWatch();
  server.put(`${pods}/b`, { metadata: { labels } });
  await until(["a", "b"]);
  server.dropConnections();
  server.put(`${pods}/c`, { metadata: { labels } });
  await until(["a", "b", "c"]);
  expect(lists()).toBe(1);
});

test("what happened while the server was away is seen when it is back", async () => {
  const { server, until, names } = await startWatch();
  await server.close();
  server.take(`${pods}/a`);
  server.put(`${pods}/b`, { metadata: { labels } });
  await server.listen();
  await until(["b"]);
  expect(names()).toEqual(["b"]);
});

test("a version that the server has forgotten begins again with a list", async () => {
  const { server, until, lists } = await startWatch();
  server.oldest = 10_000;
  server.dropConnections();
  server.take(`${pods}/a`);
  server.put(`${pods}/b`, { metadata: { labels } });
  // Until a list gives a version that it has.
  await expect.poll(() => lists(), { timeout: 5000 }).toBeGreaterThan(1);
  server.oldest = 0;
  await until(["b"]);
});

test("so does one that it says to have forgotten in the midst of a watch", async () => {
  const { server, until, lists } = await startWatch();
  server.intercept = (_request, response, url) => {
    if (!url.searchParams.has("watch")) return false;
    server.intercept = () => false;
    answer(response, 200, { type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } });
    return true;
  };
  server.dropConnections();
  server.put(`${pods}/b`, { metadata: { labels } });
  await until(["a", "b"]);
  expect(lists()).toBe(2);
});

test("a bookmark moves the place where the next watch begins", async () => {
  const { server } = await startWatch();
  const from = new Promise<string | null>((resolve) => {
    server.intercept = (_request, _response, url) => {
      resolve(url.searchParams.get("resourceVersion"));
      return false;
    };
  });
  const version = server.bookmark();
  server.endWatches();
  expect(await from).toBe(version);
});

test("a cluster that forbids it rejects", async () => {
  const { server, client } = await startFake();
  server.intercept = (_request, response) => {
    answer(response, 403, { message: 'User "u" cannot list resource "pods" in the namespace "bench"' });
    return true;
  };
  const watch = new ObjectWatch<Pod>(client, pods);
  await expect(watch.run(new AbortController().signal)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN" });
});
