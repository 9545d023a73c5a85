import { expect, test } from "vitest";
import { ApiClient } from "../../../src/servers/kubernetes/api-client.ts";
import { answer, startFake } from "./fake-api-server.ts";

const pods = "/api/v1/namespaces/bench/pods";

test("an object, and none", async () => {
  const { server, client } = await startFake();
  server.put(`${pods}/a`, { spec: { nodeName: "n" } });
  expect(await client.get(`${pods}/a`)).toMatchObject({ spec: { nodeName: "n" } });
  expect(await client.get(`${pods}/b`)).toBeUndefined();
  expect(await client.delete(`${pods}/a`)).toBe(true);
  expect(await client.delete(`${pods}/a`)).toBe(false);
});

test("a list comes page by page", async () => {
  const { server, client } = await startFake();
  server.intercept = (_request, response, url) => {
    const next = url.searchParams.get("continue");
    answer(response, 200, {
      metadata: next === null ? { continue: "more", resourceVersion: "1" } : { resourceVersion: "2" },
      items: [{ metadata: { name: next ?? "first" } }],
    });
    return true;
  };
  const { items, metadata } = await client.list(pods);
  expect(items).toMatchObject([{ metadata: { name: "first" } }, { metadata: { name: "more" } }]);
  expect(metadata).toEqual({ resourceVersion: "2" });
});

test.each([429, 500, 503])("a server that says %i is asked again", async (status) => {
  const { server, client } = await startFake();
  server.put(`${pods}/a`, {});
  let refused = 0;
  server.intercept = (_request, response) => {
    if (++refused > 2) return false;
    answer(response, status, { message: "later" });
    return true;
  };
  expect(await client.get(`${pods}/a`)).toBeDefined();
  expect(server.requests).toHaveLength(3);
});

test("a server that is away is waited for", async () => {
  const { server, client } = await startFake();
  server.put(`${pods}/a`, {});
  await server.close();
  const asked = client.get(`${pods}/a`);
  setTimeout(() => void server.listen(), 400);
  expect(await asked).toBeDefined();
});

test("a server that takes connections and says nothing is asked again", async () => {
  const { server, client } = await startFake({ timeoutMs: 100 });
  server.put(`${pods}/a`, {});
  let silent = true;
  server.intercept = () => silent && !(silent = false);
  expect(await client.get(`${pods}/a`)).toBeDefined();
});

test("patience ends, and the message says for how long, where and what to do", async () => {
  const { server, client } = await startFake({ patienceMs: 200 });
  await server.close();
  await expect(client.get(`${pods}/a`)).rejects.toMatchObject({
    code: "CLUSTER_UNREACHABLE",
    message: expect.stringMatching(
      /127\.0\.0\.1:\d+ did not answer for \d+ s \(GET pods\/a in bench\).*ECONNREFUSED/,
    ),
    hint: expect.stringContaining("/readyz"),
  });
  await server.listen();
});

test("a certificate that is wrong is told at once", async () => {
  const connection = {
    server: "https://127.0.0.1:1",
    identity: "tester",
    namespace: undefined,
    config: {} as never,
    authorize: async () => {
      throw Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    },
  };
  await expect(new ApiClient(connection).get(pods)).rejects.toMatchObject({
    code: "CLUSTER_UNREACHABLE",
    message: expect.stringContaining("self-signed certificate"),
  });
});

test("a right that is missing is named, with whose it is", async () => {
  const { server, client } = await startFake();
  const message =
    'deployments.apps is forbidden: User "system:serviceaccount:bench:runner" cannot create resource "deployments" in API group "apps" in the namespace "bench"';
  server.intercept = (_request, response) => {
    answer(response, 403, { message });
    return true;
  };
  await expect(client.get(pods)).rejects.toMatchObject({
    code: "CLUSTER_FORBIDDEN",
    message: "ServiceAccount runner of namespace bench may not create deployments.apps in namespace bench.",
    hint: expect.stringContaining(
      "kubectl auth can-i create deployments.apps --as system:serviceaccount:bench:runner -n bench",
    ),
  });
  expect(server.requests).toHaveLength(1);
});

test("a server that came back may refuse for a moment what it grants", async () => {
  const { server, client } = await startFake();
  server.put(`${pods}/a`, {});
  const statuses = [503, 403, 403];
  server.intercept = (_request, response) => {
    const status = statuses.shift();
    if (status === undefined) return false;
    answer(response, status, { message: "not yet" });
    return true;
  };
  expect(await client.get(`${pods}/a`)).toBeDefined();
});

test.each([
  [401, "CLUSTER_UNAUTHORIZED"],
  [422, "CLUSTER_REJECTED"],
  [403, "CLUSTER_REJECTED"],
])("an answer of %i is %s", async (status, code) => {
  const { server, client } = await startFake();
  server.intercept = (_request, response) => {
    answer(response, status, { message: "exceeded quota" });
    return true;
  };
  await expect(client.apply(`${pods}/a`, {})).rejects.toMatchObject({
    code,
    message: expect.stringContaining("exceeded quota"),
  });
});

test("waiting for a server that is away ends when it is told to", async () => {
  const { server, client } = await startFake();
  await server.close();
  const stop = new AbortController();
  const asked = client.get(`${pods}/a`, stop.signal);
  stop.abort();
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  await server.listen();
});
