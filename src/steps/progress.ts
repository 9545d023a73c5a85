import type { VerdictStatus } from "../results/schema/verdict.ts";

/** What steps tell whoever watches. Plain data: a terminal line, a log line or Argo's progress file is made of it. */
export type ProgressEvent =
  | { readonly kind: "cell-started"; readonly cell: string; readonly index: number; readonly of: number }
  /** Without a cell: a step of the run itself. */
  | { readonly kind: "step"; readonly cell?: string; readonly step: string }
  /** A word on what a step is doing: "downloading", "waiting for /health". */
  | { readonly kind: "note"; readonly cell?: string; readonly text: string }
  /** What must stay in sight: the size and the terms of a download. */
  | { readonly kind: "notice"; readonly cell?: string; readonly text: string }
  | {
      readonly kind: "point";
      readonly cell: string;
      readonly point: string;
      readonly repetition: number;
      /** From 1. */
      readonly index: number;
      readonly of: number;
      readonly planned: number;
    }
  | {
      readonly kind: "load";
      readonly cell: string;
      readonly done: number;
      readonly failed: number;
      readonly planned: number;
      readonly inFlight: number;
      readonly outputTokensPerSecond: number;
      /** Seconds until the cell's sweep is done; null while nothing is known. */
      readonly secondsLeft: number | null;
    }
  | {
      readonly kind: "measured";
      readonly cell: string;
      readonly point: string;
      readonly repetition: number;
      readonly verdict: VerdictStatus;
      readonly outputTokensPerSecond: number | null;
      readonly ttftMs: number | null;
      readonly failed: number;
    }
  | {
      readonly kind: "cell-finished";
      readonly cell: string;
      readonly status: "done" | "failed" | "interrupted";
      readonly seconds: number;
    };
