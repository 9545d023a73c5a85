import * as fc from "fast-check";

/** A random answer in the abstract: what the server means and how it writes it down. `written-answer.ts` writes it. */
export interface RandomAnswer {
  readonly api: "chat" | "completions";
  readonly choices: 1 | 2;
  /** A first event for each choice that names the role, with this content. */
  readonly role: "none" | "absent" | "null" | "empty";
  readonly chunks: readonly RandomChunk[];
  /** `none`: no reason ever comes. */
  readonly finish: "with-last-chunk" | "own-event" | "none";
  readonly reason: "length" | "stop" | "eos_token" | "tool_calls";
  /** Where usage is: an event of its own (one, or one a choice), with the finish reason, or with every event. */
  readonly usage: "none" | "final" | "final-each" | "with-finish" | "continuous";
  readonly counts: "none" | "ids" | "logprobs" | "cumulative-logprobs";
  readonly promptTokens: number;
  readonly cachedTokens: number | undefined;
  /** The end token is counted and has no text. */
  readonly endTokenCounted: boolean;
  readonly timings: boolean;
  readonly done: boolean;
  readonly failure: RandomFailure | undefined;
  readonly bom: boolean;
  /** Styles of the events, used in turn. */
  readonly styles: readonly RandomStyle[];
  readonly end: "end" | "reset";
  /** Where the bytes stop short: inside the data of an event, or after its data and before its blank line. */
  readonly cut: { readonly share: number; readonly where: "in-data" | "before-blank-line" } | undefined;
  readonly reads: RandomReads;
  readonly saveText: boolean;
  readonly maxTokens: number | undefined;
}

export interface RandomChunk {
  readonly choice: 0 | 1;
  readonly kind: "answer" | "refusal" | "reasoning" | "reasoning_content" | "tool-name" | "tool-arguments";
  /** May be empty: a token that shows nothing yet. */
  readonly text: string;
  readonly tokens: number;
  readonly call: 0 | 1;
}

export interface RandomFailure {
  /** Before which of the chunks, as a share of them. */
  readonly share: number;
  readonly form: "error-object" | "error-text" | "flat" | "detail" | "named-event" | "not-json" | "half-json";
}

export interface RandomStyle {
  readonly newline: "\n" | "\r\n" | "\r";
  readonly spaceAfterColon: boolean;
  readonly spacesInJson: boolean;
  readonly keysReversed: boolean;
  /** JSON over several `data:` lines. */
  readonly lines: boolean;
  readonly escapes: "none" | "non-ascii" | "slashes" | "all";
  readonly before:
    | "nothing"
    | "comment"
    | "empty-comment"
    | "blank"
    | "id"
    | "retry"
    | "null"
    | "named"
    | "unknown-field";
  readonly extraFields: boolean;
}

interface RandomReads {
  readonly mode: "one" | "every-byte" | "cuts";
  /** Shares of the length at which reads begin. */
  readonly cuts: readonly number[];
  /** Shares of each read at which its pieces (HTTP chunks) begin. */
  readonly pieces: readonly number[];
}

const text = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 6 }) },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 5 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "",
      "",
      "\n",
      "\n\n",
      '"',
      "\\",
      "\\n",
      '\\"',
      "\r",
      "\r\n",
      "data: [DONE]\n\n",
      '"},"finish_reason":"stop"}',
      '"content":"x"',
      "é",
      "量子",
      "🎉",
      "👩‍👩‍👧",
      "\u2028",
      "\ufeff",
      "\u0000",
      "\u007f",
      "/",
      "llmbench~marker",
    ),
  },
);

/** One of the values, the first as often as `weight` of the others. */
function oftenFirst<T>(weight: number, first: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight, arbitrary: fc.constant(first) },
    ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })),
  );
}

const chunk: fc.Arbitrary<RandomChunk> = fc.record({
  choice: fc.constantFrom(0, 1),
  kind: oftenFirst<RandomChunk["kind"]>(
    6,
    "answer",
    "refusal",
    "reasoning",
    "reasoning_content",
    "tool-name",
    "tool-arguments",
  ),
  text,
  tokens: fc.integer({ min: 0, max: 4 }),
  call: fc.constantFrom(0, 1),
});

const style: fc.Arbitrary<RandomStyle> = fc.record({
  newline: fc.constantFrom("\n", "\n", "\r\n", "\r"),
  spaceAfterColon: fc.boolean(),
  spacesInJson: fc.boolean(),
  keysReversed: fc.boolean(),
  lines: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  escapes: fc.constantFrom("none", "none", "non-ascii", "slashes", "all"),
  before: oftenFirst<RandomStyle["before"]>(
    14,
    "nothing",
    "comment",
    "empty-comment",
    "blank",
    "id",
    "retry",
    "null",
    "named",
    "unknown-field",
  ),
  extraFields: fc.boolean(),
});

// Without bias: fast-check would put most shares next to 0 and 1, and nearly every cut at an end of the stream.
const share = fc.noBias(fc.nat(99_999)).map((n) => n / 100_000);

const reads: fc.Arbitrary<RandomReads> = fc.record({
  mode: fc.constantFrom("one", "every-byte", "cuts", "cuts", "cuts", "cuts"),
  cuts: fc.array(share, { maxLength: 12 }),
  pieces: fc.array(share, { maxLength: 3 }),
});

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: oneIn });

/** Few streams have all features, all have some; the styles mostly repeat, as an engine's do. */
export const randomAnswer: fc.Arbitrary<RandomAnswer> = fc.record({
  api: fc.constantFrom("chat", "chat", "completions"),
  choices: fc.constantFrom(1, 1, 1, 2),
  role: fc.constantFrom("none", "absent", "null", "empty"),
  chunks: fc.array(chunk, { maxLength: 8 }),
  finish: fc.constantFrom("with-last-chunk", "own-event", "own-event", "none"),
  reason: fc.constantFrom("length", "length", "stop", "eos_token", "tool_calls"),
  usage: fc.constantFrom("none", "final", "final-each", "with-finish", "continuous"),
  counts: fc.constantFrom("none", "none", "ids", "logprobs", "cumulative-logprobs"),
  promptTokens: fc.integer({ min: 0, max: 5000 }),
  cachedTokens: sometimes(fc.integer({ min: 0, max: 5000 }), 2),
  endTokenCounted: fc.boolean(),
  timings: fc.constantFrom(false, false, true),
  done: fc.boolean(),
  failure: fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.record({
        share,
        form: fc.constantFrom<RandomFailure["form"][]>(
          "error-object",
          "error-text",
          "flat",
          "detail",
          "named-event",
          "not-json",
          "half-json",
        ),
      }),
    },
  ),
  bom: fc.constantFrom(false, false, false, true),
  styles: fc.oneof(
    fc.array(style, { minLength: 1, maxLength: 1 }),
    fc.array(style, { minLength: 1, maxLength: 4 }),
  ),
  end: fc.constantFrom("end", "end", "end", "reset"),
  cut: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.record({
        share,
        where: fc.constantFrom("in-data" as const, "before-blank-line" as const),
      }),
    },
  ),
  reads,
  saveText: fc.boolean(),
  maxTokens: sometimes(fc.integer({ min: 1, max: 20 }), 3),
}) as fc.Arbitrary<RandomAnswer>;
