import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CellResult } from "../../src/results/schema/results.ts";
import type { WarmupRecord } from "../../src/results/schema/warmup.ts";

/** One request by a server's own log. */
interface LoggedRequest {
  readonly outputTokens: number;
  /** Events with generated text that it sent. */
  readonly chunks: number;
}

/**
 * The requests that ended well, in the order in which they ended. Throws at one that did not. llama.cpp logs the tokens
 * that it made and sends each in an event of its own; the simulator logs both.
 */
function loggedRequests(log: string, simulated: boolean): LoggedRequest[] {
  return log.split("\n").flatMap((line) => {
    if (!simulated) {
      const tokens = /\bslot print_timing: .*\| +eval time = .* \/ +(\d+) tokens/.exec(line)?.[1];
      return tokens === undefined ? [] : [{ outputTokens: Number(tokens), chunks: Number(tokens) }];
    }
    const request = /\brequest \d+: ([^,]+), \d+ prompt tokens, (\d+) output tokens in (\d+) chunks$/.exec(
      line,
    );
    if (request === null) return [];
    const [, outcome, tokens, chunks] = request;
    if (outcome !== "complete") throw new Error(`a request did not end well: ${line}`);
    return [{ outputTokens: Number(tokens), chunks: Number(chunks) }];
  });
}

/** What was measured on a cell's server, by one of the two sides. */
interface Counted {
  readonly id: string;
  readonly ok: number;
  readonly outputTokens: number;
  readonly chunks: number;
}

/** Tokens of the completion that proves that a server answers. */
const proofTokens = 8;

/** By results.json. */
export function countedByResults({ id, points }: CellResult): Counted {
  const measurements = points.flatMap((point) => point.measurements);
  const sum = (of: (one: (typeof measurements)[number]) => number) =>
    measurements.reduce((total, one) => total + of(one), 0);
  return {
    id,
    ok: sum(({ requests }) => requests.ok),
    outputTokens: sum(({ metrics }) => metrics.tokens.outputTotal),
    chunks: sum(({ metrics }) => metrics.chunkTotal ?? Number.NaN),
  };
}

/**
 * By the log of its only deployment. What is measured comes after one completion, which proves that the server answers,
 * and the warm-up: throws unless the log begins with these.
 */
export function countedByLog(run: string, { id, simulated }: CellResult): Counted {
  const folder = join(run, "cells", id, "deployments", "1");
  const warmup = JSON.parse(readFileSync(join(folder, "warmup.json"), "utf8")) as WarmupRecord;
  const all = loggedRequests(readFileSync(join(folder, "server.log"), "utf8"), simulated);
  const wanted = [proofTokens, ...warmup.outputTokens];
  const before = all.slice(0, wanted.length).map(({ outputTokens }) => outputTokens);
  if (before.join() !== wanted.join())
    throw new Error(`${id}: its log begins with answers of ${before.join()} tokens, not ${wanted.join()}`);
  const measured = all.slice(wanted.length);
  return {
    id,
    ok: measured.length,
    outputTokens: measured.reduce((total, { outputTokens }) => total + outputTokens, 0),
    chunks: measured.reduce((total, { chunks }) => total + chunks, 0),
  };
}
