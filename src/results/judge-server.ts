import type { Circumstances } from "./circumstances.ts";
import type { Observations } from "./observations.ts";
import type { Metrics } from "./schema/metrics.ts";
import type { ServerLoad } from "./schema/server-load.ts";
import type { Reason } from "./schema/verdict.ts";
import { percent, THRESHOLDS } from "./thresholds.ts";

/** What the server's own counters add to a verdict, and what came from its cache. */
export function judgeServer(
  metrics: Metrics,
  seen: Observations,
  circumstances: Circumstances,
  server: ServerLoad | undefined,
): Reason[] {
  const counted = circumstances.instanceChanged ? undefined : server;
  const conservation = counted === undefined ? [] : judgeConservation(counted, circumstances.ownServer);
  // Counters that have others' requests in them say nothing of ours.
  const shared = conservation.some(({ code }) => code === "other-clients");
  const ours = shared || counted?.notCompared !== undefined ? undefined : counted?.cachedShare;
  return [
    ...conservation,
    ...judgeCache(metrics, circumstances, { usage: seen.cachedShare, counters: ours ?? null }),
  ];
}

/** Share of prompt tokens that came from the server's cache, by each who says. */
interface CachedShares {
  readonly usage: number | null;
  readonly counters: number | null;
}

function judgeCache(
  { tokens }: Metrics,
  { cache, expectedCachedTokens: expected }: Circumstances,
  { usage, counters }: CachedShares,
): Reason[] {
  const said = [
    ...(usage === null ? [] : [{ by: "the usage of its answers", share: usage }]),
    ...(counters === null ? [] : [{ by: "the server's own counters", share: counters }]),
  ];
  const [first] = said;
  if (expected === undefined) {
    if (first === undefined) return [];
    return [
      {
        code: "cache-contract",
        status: "note",
        text: `${percent(first.share)} of the prompt tokens came from the server's cache: prompts repeat, and caches were left as they are (cache contract warm).`,
        value: first.share,
      },
    ];
  }
  const { promptMean } = tokens;
  if (first === undefined || promptMean === null) {
    return [
      {
        code: "cache-contract",
        status: "note",
        text: `Whether the cache contract ${cache} was kept is not known: neither the usage of its answers nor the server's counters say what came from its cache.`,
      },
    ];
  }
  const low = Math.max(0, expected[0] / promptMean - THRESHOLDS.cachedShare);
  const high = Math.min(1, expected[1] / promptMean + THRESHOLDS.cachedShare);
  const broken = said.find(({ share }) => share < low || share > high);
  if (broken === undefined) return [];
  const promise = low === 0 ? `at most ${percent(high)}` : `${percent(low)} to ${percent(high)}`;
  return [
    {
      code: "cache-contract",
      status: "suspect",
      text: `${percent(broken.share)} of the prompt tokens came from the server's cache by ${broken.by}, where the cache contract ${cache} promises ${promise}.`,
      value: broken.share,
      threshold: broken.share < low ? low : high,
      curable: false,
    },
  ];
}

/**
 * Holds the server's own counters of tokens to the usage of its answers. Without `ownServer` others may have asked it
 * meanwhile: what it counted beyond our answers then says so, and nothing of its counting.
 */
function judgeConservation(server: ServerLoad, ownServer: boolean): Reason[] {
  if (server.notCompared !== undefined) return [];
  const apart = [
    { what: "prompt", tokens: server.promptTokens },
    { what: "output", tokens: server.outputTokens },
  ].flatMap(({ what, tokens }) => {
    if (tokens === undefined) return [];
    const difference = tokens.counted - tokens.usage;
    const share = difference / Math.max(tokens.usage, 1);
    const crossed =
      Math.abs(difference) > (tokens.rounding ?? 0) && Math.abs(share) > THRESHOLDS.conservation;
    return crossed ? [{ what, ...tokens, share }] : [];
  });
  if (apart.length === 0) return [];
  const figures = apart
    .map(
      ({ what, counted, usage, share }) =>
        `${counted} ${what} tokens by the server's own counters and ${usage} by the usage of its answers (${percent(Math.abs(share))} ${share > 0 ? "more" : "fewer"})`,
    )
    .join(", ");
  const more = apart.every(({ share }) => share > 0);
  const worst = apart.reduce((a, b) => (Math.abs(b.share) > Math.abs(a.share) ? b : a));
  const reason = { value: worst.share, threshold: THRESHOLDS.conservation } as const;
  if (more && !ownServer) {
    return [
      {
        code: "other-clients",
        status: "suspect",
        text: `The server worked for others meanwhile, so the load was not ours alone: ${figures} (limit ${percent(THRESHOLDS.conservation)}).`,
        ...reason,
      },
    ];
  }
  const again =
    (server.preemptions ?? 0) > 0 && apart.every(({ what, share }) => what === "prompt" && share > 0);
  return [
    {
      code: "token-conservation",
      // After a preemption the prompt is read again, and some engines count it again.
      status: again ? "note" : "suspect",
      text: `Tokens do not add up: ${figures} (limit ${percent(THRESHOLDS.conservation)})${again ? `. ${server.preemptions} preemptions make it read prompts twice` : ""}.`,
      ...reason,
      curable: false,
    },
  ];
}
