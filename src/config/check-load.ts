import { cacheContract, sharedShare } from "../load/cache-contract.ts";
import { type Finding, onKey, onValue, type Path } from "./finding.ts";
import type { BlockConfig, LoadConfig } from "./load-schema.ts";
import { many } from "./points.ts";

/** What spans several keys of a load, of the config or of an override at `path`. */
export function checkLoad(load: LoadConfig, path: Path): Finding[] {
  const blocks = load.blocks ?? [];
  return [
    ...checkPrompt(load, path),
    ...checkBody(load.body ?? {}, [...path, "body"]),
    ...blocks.flatMap((block, i) => [
      ...checkBlock(block, [...path, "blocks", i]),
      ...checkCache(load, block, path, i),
    ]),
    ...repeated(blocks.map((block) => block.name.toLowerCase())).map(({ index, first }) =>
      onValue(
        [...path, "blocks", index, "name"],
        `two blocks are named ${JSON.stringify(blocks[index]?.name)}; the first is blocks[${first}] (case does not count)`,
      ),
    ),
  ];
}

function checkPrompt(load: LoadConfig, path: Path): Finding[] {
  if (load.dataset === undefined) return [];
  const findings: Finding[] = [];
  if (load.prompt !== undefined)
    findings.push(onKey([...path, "dataset"], "give prompt or dataset, not both"));
  for (const [i, block] of (load.blocks ?? []).entries()) {
    if (block.inputTokens !== undefined)
      findings.push(
        onKey(
          [...path, "blocks", i, "inputTokens"],
          "the prompts of a dataset have their own lengths; remove inputTokens or dataset",
        ),
      );
  }
  return findings;
}

/** Fields that llmbench writes, and what to do instead. */
const OWN_FIELDS: Readonly<Record<string, string>> = {
  model: "use servedName of the model",
  prompt: "use load.prompt or load.dataset",
  messages: "use load.prompt or load.dataset",
  stream: "every answer is streamed",
  stream_options: "usage is always asked for",
  max_tokens: "use outputTokens of a block",
  max_completion_tokens: "use outputTokens of a block",
  temperature: "use load.temperature",
  seed: "use load.seed",
  n: "one answer a request is measured",
};

function checkBody(body: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  return Object.keys(body).flatMap((field) => {
    const instead = Object.hasOwn(OWN_FIELDS, field) ? OWN_FIELDS[field] : undefined;
    return instead === undefined
      ? []
      : [onKey([...path, field], `llmbench sets this field itself: ${instead}`)];
  });
}

/** Tokens of a prompt that must be its own beside a shared prefix: fewer words repeat by chance. */
const fewestOwnTokens = 16;

function checkCache(load: LoadConfig, block: BlockConfig, path: Path, i: number): Finding[] {
  const cache = block.cache ?? load.cache;
  if (cache === undefined) return [];
  const contract = cacheContract({ cache });
  if (contract.kind !== "shared-prefix") return [];
  const at = block.cache === undefined ? [...path, "cache"] : [...path, "blocks", i, "cache"];
  if (block.inputTokens === undefined)
    return [
      onKey(at, `a shared prefix needs prompts of a known length; give block ${block.name} inputTokens`),
    ];
  const short = many(block.inputTokens).filter(
    (tokens) => tokens * (1 - sharedShare(contract, tokens)) < fewestOwnTokens,
  );
  return short.length === 0
    ? []
    : [
        onKey(
          at,
          `of prompts of ${short.join(", ")} tokens fewer than ${fewestOwnTokens} would be their own; shorten the prefix, or raise inputTokens`,
        ),
      ];
}

function checkBlock(block: BlockConfig, path: Path): Finding[] {
  const findings: Finding[] = [];
  const at = (key: keyof BlockConfig, text: string) => findings.push(onKey([...path, key], text));
  if (block.findCapacity !== undefined && block.findCapacity !== null) {
    for (const key of ["concurrency", "rate", "arrival", "requests", "duration", "repetitions"] as const)
      if (block[key] !== undefined)
        at(key, "a search for the capacity chooses it; remove it, or findCapacity");
    for (const key of ["precision", "maxRequests", "maxTime"] as const)
      if (block[key] !== undefined) at(key, `of a search for the capacity it stands in findCapacity.${key}`);
    return findings;
  }
  if (block.rate === undefined) {
    for (const key of ["arrival", "maxConcurrency"] as const)
      if (block[key] !== undefined) at(key, "only requests at a rate have it; add rate, or remove it");
  } else {
    if (block.concurrency !== undefined)
      at(
        "rate",
        "give concurrency or rate, not both; what limits the requests in flight at a rate is maxConcurrency",
      );
    if (typeof block.requests === "object")
      at("requests", "a rate has no users to count by; give a number, or duration");
    if (block.requests === undefined && block.duration === undefined && block.precision === undefined)
      at("rate", "a block with a rate needs requests, duration or precision, such as duration: 60s");
  }
  if (block.requests !== undefined && block.duration !== undefined)
    at("duration", "give requests or duration, not both");
  for (const key of ["requests", "duration"] as const)
    if (block.precision !== undefined && block[key] !== undefined)
      at(
        key,
        `a block with precision ends when it is reached; its limit is ${key === "requests" ? "maxRequests" : "maxTime"}`,
      );
  for (const key of ["maxRequests", "maxTime"] as const)
    if (block.precision === undefined && block[key] !== undefined)
      at(key, "only a block with precision has it; add precision, or remove it");
  for (const key of ["concurrency", "rate", "inputTokens", "outputTokens"] as const) {
    const values = many(block[key] ?? []);
    for (const { index } of repeated(values))
      findings.push(onValue([...path, key, index], `${values[index]} is in the list already`));
  }
  return findings;
}

/** Items that equal an earlier one. */
function repeated(items: readonly (string | number)[]): { index: number; first: number }[] {
  return items.flatMap((item, index) => {
    const first = items.indexOf(item);
    return first < index ? [{ index, first }] : [];
  });
}
