import type { ServerLoad } from "./schema/server-load.ts";
import type { Reason } from "./schema/verdict.ts";
import { percent, THRESHOLDS } from "./thresholds.ts";

/**
 * Holds the server's own counters of tokens to the usage of its answers. Without `ownServer` others may have asked it
 * meanwhile: what it counted beyond our answers then says so, and nothing of its counting.
 */
export function judgeConservation(server: ServerLoad, ownServer: boolean): Reason[] {
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
