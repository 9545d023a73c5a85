/** How a task ended, as Argo's `depends` sees it. */
export type TaskPhase = "Succeeded" | "Failed" | "Errored" | "Skipped" | "Omitted";

/** An expression over the outcomes of tasks. */
export interface Depends {
  /** The tasks that it names. */
  readonly tasks: ReadonlySet<string>;
  /** The outcomes that it names, with their tasks. */
  readonly outcomes: readonly { readonly task: string; readonly outcome: string }[];
  /** Whether it holds; undefined where it cannot be read. */
  holds(phaseOf: (task: string) => TaskPhase): boolean | undefined;
}

// The same names that Argo finds (workflow/common/ancestry.go).
const token = /\s*(?:([a-zA-Z0-9][-a-zA-Z0-9]*)(?:\.([A-Z][a-zA-Z]+))?|(&&|\|\||[!()]))/y;

type Token = { readonly task: string; readonly outcome?: string } | string;

/** Reads Argo's `depends`; empty text always holds. */
export function parseDepends(text: string): Depends {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null) break;
    const [, task, outcome, operator] = match;
    if (operator !== undefined) tokens.push(operator);
    else if (task !== undefined) tokens.push(outcome === undefined ? { task } : { task, outcome });
  }
  const names = tokens.filter((each) => typeof each !== "string");
  return {
    tasks: new Set(names.map((each) => each.task)),
    outcomes: names.flatMap(({ task, outcome }) => (outcome === undefined ? [] : [{ task, outcome }])),
    holds: (phaseOf) => (tokens.length === 0 ? true : evaluate(tokens, phaseOf)),
  };
}

function evaluate(tokens: readonly Token[], phaseOf: (task: string) => TaskPhase): boolean | undefined {
  let next = 0;
  let broken = false;
  const take = () => tokens[next++];
  const primary = (): boolean => {
    const each = take();
    if (each === "!") return !primary();
    if (each === "(") {
      const inner = either();
      if (take() !== ")") broken = true;
      return inner;
    }
    if (typeof each === "object") return outcomeHolds(each.outcome, phaseOf(each.task));
    broken = true;
    return false;
  };
  const both = (): boolean => {
    let result = primary();
    while (tokens[next] === "&&") {
      next += 1;
      const right = primary();
      result &&= right;
    }
    return result;
  };
  const either = (): boolean => {
    let result = both();
    while (tokens[next] === "||") {
      next += 1;
      const right = both();
      result ||= right;
    }
    return result;
  };
  const result = either();
  return broken || next < tokens.length ? undefined : result;
}

function outcomeHolds(outcome: string | undefined, phase: TaskPhase): boolean {
  if (outcome === undefined) return phase === "Succeeded" || phase === "Skipped";
  if (outcome === "AnySucceeded") return phase === "Succeeded";
  if (outcome === "AllFailed") return phase === "Failed";
  return outcome === phase;
}
