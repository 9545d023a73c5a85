import { expect, test } from "vitest";
import { judgeNeighbours } from "../../src/steps/judge-neighbours.ts";

test("a node of one's own gives no reason", () => {
  expect(judgeNeighbours({ servers: [], gpuPods: [] }, 1)).toEqual([]);
});

test("a node that was not looked at is a note, which changes no status", () => {
  expect(judgeNeighbours(undefined, 1)).toMatchObject([{ code: "neighbours-unknown", status: "note" }]);
});

test("other tenants' pods with GPUs are suspect, by name", () => {
  expect(judgeNeighbours({ servers: [], gpuPods: ["ml/train-0", "ml/train-1"] }, 1)).toMatchObject([
    {
      code: "neighbour",
      status: "suspect",
      value: 2,
      text: expect.stringContaining("ml/train-0, ml/train-1"),
    },
  ]);
});

test("more than one server a node is suspect always, and measuring again does not cure it", () => {
  expect(judgeNeighbours({ servers: [], gpuPods: [] }, 2)).toMatchObject([
    { code: "shared-node", status: "suspect", curable: false },
  ]);
});
