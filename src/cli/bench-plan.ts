import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { drawPointOrders } from "../config/draw-orders.ts";
import { parseDuration } from "../config/duration.ts";
import { type CellPlan, FailOn, type Plan, type PointPlan, type SloPlan } from "../config/plan.ts";
import { pointId, untilPrecise } from "../config/points.ts";
import { isSecretName, resolveSecretEnv } from "../config/secrets.ts";
import { chooseModel, type DialectOption, detectServer, dialectOptions } from "../engines/detect.ts";
import { LlmbenchError } from "../error.ts";
import { loadDataset } from "../load/dataset.ts";
import { isHeaderValue, ownHeaders } from "../load/header-line.ts";
import { createGet } from "../steps/http-get.ts";
import type { BenchOptions } from "./bench-options.ts";
import { cacheOf, searchesOf } from "./capacity-options.ts";
import { duration, list, number, share, usage, whole } from "./option-values.ts";

/** The seed project's prompt: the same wherever nothing else is said. */
const defaultPrompt = "Explain quantum computing in detail";

/** What `llmbench bench URL` measures, as a plan of one cell whose server stands already. Asks the server what it is. */
export async function benchPlan(text: string, options: BenchOptions): Promise<Plan> {
  const url = baseUrl(text);
  const given = parseHeaders(options.header);
  const dialect = dialectOptions.find((known) => known === options.dialect);
  if (dialect === undefined) {
    throw usage(`--dialect ${options.dialect}: unknown`, `one of ${dialectOptions.join(", ")}`);
  }
  const server = await askServer(url, options, given, dialect);
  const model = chooseModel(server, url, options.model);
  const id = fileName(`${new URL(url).host}--${model}`);
  const seed = whole("--seed", options.seed, 0);
  const repetitions = whole("--repetitions", options.repetitions);
  const load =
    options.findCapacity === undefined ? loadOf(options) : searchesOf(options, options.findCapacity);
  const cell: CellPlan = {
    id,
    variant: new URL(url).host,
    engine: server.engine,
    ...(server.version === undefined ? {} : { version: server.version }),
    model: { id: model, servedName: model },
    server: {
      kind: "standing",
      url,
      ...given,
      ...(options.apiKeyEnv === undefined ? {} : { apiKeyEnv: options.apiKeyEnv }),
      ...(options.ca === undefined ? {} : { caFile: resolve(options.ca) }),
      dialect: server.dialect.name,
      ...(server.simulated ? { simulated: true } : {}),
    },
    request: {
      api: options.api,
      prompt: await promptOf(options),
      temperature: number("--temperature", options.temperature, 0),
      forceOutputLength: true,
      timeoutSeconds: duration("--timeout", options.timeout),
      ...(options.serverMetrics === "off"
        ? {}
        : { serverMetricsSeconds: duration("--server-metrics", options.serverMetrics) }),
      extraBody: parseBody(options.body),
      saveText: options.saveText === true,
    },
    warmupRequests: whole("--warmup", options.warmup, 0),
    repetitions,
    ...load,
    ...drawPointOrders(load.points, repetitions, seed),
    ...(options.gpuHour === undefined
      ? {}
      : {
          price: {
            perGpuHour: number("--gpu-hour", options.gpuHour, 0),
            gpus: number("--gpus", options.gpus),
            currency: options.currency,
          },
        }),
  };
  const slos = options.slo === undefined ? undefined : parseSlos(options.slo);
  const workers = whole("--workers", options.workers);
  return {
    schemaVersion: 1,
    name: "bench",
    seed,
    cells: [cell],
    ...(slos === undefined ? {} : { slos }),
    failOn: FailOn.parse(options.failOn),
    ...(options.errorBars ? {} : { errorBars: false }),
    ...(workers === 1 ? {} : { workers }),
  };
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usage(`${text} is not the URL of a server`, "for example http://127.0.0.1:8000 or https://host/v1");
  }
  if (url.username !== "" || url.password !== "") {
    throw usage(
      "the URL holds a user or password, which would be written down with it",
      "give them as a header: --header 'Authorization: Basic …'",
    );
  }
  if (url.search !== "") {
    throw usage(`${url.search}: requests go to paths below the URL, so it can have no query`, "leave it out");
  }
  return `${url.origin}${url.pathname.replace(/\/(v1\/?)?$/, "")}`;
}

async function askServer(url: string, options: BenchOptions, given: GivenHeaders, dialect: DialectOption) {
  const key = options.apiKeyEnv === undefined ? undefined : process.env[options.apiKeyEnv];
  if (options.apiKeyEnv !== undefined && (key === undefined || key === "")) {
    throw usage(
      `--api-key-env ${options.apiKeyEnv}: the variable is not set`,
      `export ${options.apiKeyEnv}=…`,
    );
  }
  if (key !== undefined && !isHeaderValue(key)) {
    throw usage(
      `--api-key-env ${options.apiKeyEnv}: its value cannot be sent as a header`,
      "a key is one line of Latin-1 text: is there a line end behind it, or a character from a word processor?",
    );
  }
  const get = createGet({
    url,
    headers: {
      ...resolveSecretEnv({ env: given.headers, secretEnv: given.secretHeaders }, process.env),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(options.ca === undefined ? {} : { ca: readFileSync(options.ca, "utf8") }),
  });
  try {
    return await detectServer(get, dialect);
  } catch (error) {
    if (error instanceof LlmbenchError) throw error;
    throw new LlmbenchError("BENCH_NO_SERVER", `${url} does not answer: ${(error as Error).message}`, {
      hint: "is the server up, and is the port right? llmbench asks /v1/models first",
      cause: error,
    });
  }
}

type GivenHeaders = Pick<Extract<CellPlan["server"], { kind: "standing" }>, "headers" | "secretHeaders">;

/** Secret header values stay in this process's environment; the plan, which is written down, names the variable. */
function parseHeaders(lines: readonly string[]): GivenHeaders {
  const headers: Record<string, string> = {};
  const secretHeaders: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) {
      throw usage("--header: a line is not 'Name: value'", "for example --header 'X-Tenant: benchmark'");
    }
    if (ownHeaders.test(name)) throw usage(`--header: ${name} is set by llmbench itself`, "leave it out");
    if (!isHeaderValue(value)) {
      throw usage(
        `--header: the value of ${name} cannot be sent`,
        "a value is one line of Latin-1 text, here and in HTTP",
      );
    }
    if (
      /^(authorization|proxy-authorization|cookie)$/.test(name) ||
      isSecretName(name.replaceAll("-", "_"))
    ) {
      if (value === "")
        throw usage(`--header: ${name} has no value`, "is the variable it is taken from set?");
      const variable = `LLMBENCH_HEADER_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;
      process.env[variable] = value;
      headers[name] = `\${${variable}}`;
      secretHeaders.push(name);
    } else headers[name] = value;
  }
  return { headers, secretHeaders };
}

async function promptOf(options: BenchOptions): Promise<CellPlan["request"]["prompt"]> {
  if (options.dataset === undefined) return { kind: "text", text: options.prompt ?? defaultPrompt };
  if (options.prompt !== undefined) throw usage("--prompt and --dataset exclude each other", "leave one out");
  if (options.inputTokens !== undefined) {
    throw usage(
      "--dataset and --input-tokens exclude each other",
      "prompts of a data set have the lengths they have",
    );
  }
  if (!existsSync(options.dataset))
    throw usage(`--dataset ${options.dataset}: no such file`, "give a JSONL file");
  const { path, sha256 } = await loadDataset(resolve(options.dataset));
  return { kind: "dataset", path, sha256 };
}

function loadOf(options: BenchOptions): Pick<CellPlan, "points" | "autoSweep"> {
  const outputs = list("--max-tokens", options.maxTokens);
  const inputs = options.inputTokens === undefined ? [] : list("--input-tokens", options.inputTokens);
  const requests = options.requests === undefined ? undefined : whole("--requests", options.requests);
  const seconds = options.duration === undefined ? undefined : duration("--duration", options.duration);
  if (requests !== undefined && seconds !== undefined) {
    throw usage("--requests and --duration exclude each other", "a point ends by number or by time");
  }
  const precise = precisionOf(options);
  const cache = options.cache === undefined ? {} : { cache: cacheOf(options.cache, inputs) };
  const most = whole("--max-concurrency", options.maxConcurrency);
  const concurrencies = options.concurrency === undefined ? [] : list("--concurrency", options.concurrency);
  const rates = options.rate === undefined ? [] : list("--rate", options.rate, false);
  if (concurrencies.length + rates.length === 0) {
    return {
      points: [],
      autoSweep: {
        outputTokens: outputs,
        inputTokens: inputs,
        ...cache,
        maxConcurrency: most,
        ...(requests === undefined ? {} : { requests }),
        ...(seconds === undefined ? {} : { durationSeconds: seconds }),
        ...precise,
      },
    };
  }
  const points: PointPlan[] = [];
  const sizes = (inputs.length === 0 ? [undefined] : inputs).flatMap((inputTokens) =>
    outputs.map((outputTokens) => ({
      outputTokens,
      ...(inputTokens === undefined ? {} : { inputTokens }),
      ...cache,
    })),
  );
  const amount = (inFlight: number) =>
    precise ??
    (seconds === undefined
      ? { requests: requests ?? Math.max(20, 10 * inFlight) }
      : { durationSeconds: seconds });
  const add = (load: PointPlan["load"]) => points.push({ id: pointId(load), block: "", load });
  for (const size of sizes) {
    for (const concurrency of concurrencies)
      add({ arrival: "closed", concurrency, ...size, ...amount(concurrency) });
    for (const ratePerSecond of rates) {
      add({
        arrival: options.arrival,
        ratePerSecond,
        maxConcurrency: most,
        ...size,
        ...amount(ratePerSecond),
      });
    }
  }
  return { points };
}

/** How long a point goes on that ends when it is precise; undefined where none is asked to. */
function precisionOf({ precision, maxRequests, maxTime, ...options }: BenchOptions) {
  if (precision === undefined) {
    for (const [option, value] of [
      ["--max-requests", maxRequests],
      ["--max-time", maxTime],
    ] as const)
      if (value !== undefined)
        throw usage(`${option} ${value}: a limit of --precision or --find-capacity`, "give one of them");
    return undefined;
  }
  for (const [option, value, limit] of [
    ["--requests", options.requests, "--max-requests"],
    ["--duration", options.duration, "--max-time"],
  ] as const)
    if (value !== undefined)
      throw usage(`--precision decides how long a point is: ${option} ${value}`, `its limit is ${limit}`);
  if (maxTime !== undefined) duration("--max-time", maxTime);
  return untilPrecise(
    share("--precision", precision, 0.001, 0.5),
    maxRequests === undefined ? undefined : whole("--max-requests", maxRequests, 30),
    maxTime,
  );
}

function parseBody(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw usage(`--body is not JSON: ${(error as Error).message}`, `for example --body '{"top_k": 1}'`);
  }
  throw usage("--body is not a JSON object", `for example --body '{"top_k": 1}'`);
}

function parseSlos(text: string): SloPlan {
  const slos: SloPlan = {};
  for (const part of text.split(",")) {
    const match = /^(ttft|tpot|e2e)[:=](.+)$/.exec(part.trim());
    const milliseconds = match?.[2] === undefined ? undefined : parseDuration(match[2]);
    if (match === null || milliseconds === undefined || milliseconds <= 0) {
      throw usage(`--slo ${part}: not understood`, "for example --slo ttft:500ms,tpot:50ms,e2e:10s");
    }
    slos[`${match[1] as "ttft" | "tpot" | "e2e"}Ms`] = milliseconds;
  }
  return slos;
}

function fileName(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._+=@-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 200);
}
