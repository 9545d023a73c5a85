import { parseArgs } from "node:util";
import { z } from "zod";
import { type EngineKind, SimulatorProfile } from "../config/plan.ts";
import { ExitStatus, LlmbenchError } from "../error.ts";
import { Behaviour, SimulatorDialect, SimulatorOptions } from "./options.ts";
import { defaultProfile } from "./profiles.ts";
import { startSimulator } from "./server.ts";
import type { TruthRequest } from "./truth.ts";

const usage = `Usage: llmbench simulate --dialect NAME [options]

  --dialect NAME         ${SimulatorDialect.options.join(", ")}
  --port N               port to listen on (default: a free one)
  --host ADDRESS         address to listen on (default 127.0.0.1)
  --model NAME           name of the model it serves (default simulated)
  --context-length N     longest prompt and answer, tokens (default 8192)
  --profile JSON         latency model: loadMs, prefillMs, prefillMsPerToken, decodeMs, decodeMsPerSequence, maxBatch, jitter
  --behaviour JSON       adversarial streams and faults
  --seed N               seed of texts and latencies (default 1)
  --log-requests         a line to stderr for each request that is over, as engines have
  --truth FILE           writes when each chunk was sent, as ndjson

While it runs: GET /sim/truth and GET /sim/stats.`;

const flags = {
  dialect: { type: "string" },
  port: { type: "string" },
  host: { type: "string" },
  model: { type: "string" },
  "context-length": { type: "string" },
  profile: { type: "string" },
  behaviour: { type: "string" },
  seed: { type: "string" },
  "log-requests": { type: "boolean" },
  truth: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * `llmbench simulate`: serves until SIGTERM or SIGINT, which end it as the simulated engine would, or until an effect
 * ends the process. Resolves with the exit status. Throws LlmbenchError SIMULATOR_USAGE for arguments it cannot read.
 */
export async function runSimulator(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stdout.write(`${usage}\n`);
    return ExitStatus.done;
  }
  const { dialect, model, seed, profile, behaviour } = options.simulator;
  const name = `simulated ${dialect}`;
  const say = (text: string) => process.stderr.write(`${name}: ${text}\n`);
  const simulator = await startSimulator(
    options.simulator,
    options.logRequests ? (request, chunks) => say(requestLine(request, chunks)) : undefined,
  );
  // One that never gets ready holds nothing open that would keep the process alive.
  const alive = setInterval(() => undefined, 2 ** 30);
  const status = new Promise<number>((resolve) => {
    void simulator.exited.then((end) => {
      say(end.message);
      // As a crash: nothing is cleaned up.
      process.exit(end.status);
    });
    const stop = (signal: NodeJS.Signals) => {
      if (behaviour.process?.ignoreSigterm === true) {
        say(`ignoring ${signal}`);
        return;
      }
      say(`${signal}, shutting down`);
      void simulator.stop().then(() => {
        clearInterval(alive);
        resolve(ExitStatus.done);
      });
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
  const about = `model ${model}, seed ${seed}, loading ${profile.loadMs} ms`;
  say(`not a real engine; address ${simulator.url} (${about})`);
  void simulator.listening.then(() => say("listening"));
  void simulator.ready.then(() => say("ready"));
  return status;
}

function requestLine({ request, outcome, promptTokens, outputTokens }: TruthRequest, chunks: number): string {
  return `request ${request}: ${outcome}, ${promptTokens} prompt tokens, ${outputTokens} output tokens in ${chunks} chunks`;
}

interface SimulateOptions {
  readonly simulator: SimulatorOptions;
  readonly logRequests: boolean;
}

function readOptions(argv: readonly string[]): SimulateOptions | undefined {
  const values = parse(argv);
  if (values.help === true) return undefined;
  const dialect = check("--dialect", SimulatorDialect, values.dialect);
  const number = (flag: "port" | "context-length" | "seed") =>
    values[flag] === undefined ? undefined : check(`--${flag}`, z.coerce.number().int(), values[flag]);
  const given = {
    dialect,
    host: values.host,
    port: number("port"),
    model: values.model,
    contextLength: number("context-length"),
    profile:
      values.profile === undefined
        ? defaultProfile(kindOf(dialect))
        : check("--profile", SimulatorProfile, json("--profile", values.profile)),
    behaviour:
      values.behaviour === undefined
        ? {}
        : check("--behaviour", Behaviour, json("--behaviour", values.behaviour)),
    seed: number("seed"),
    truthFile: values.truth,
  };
  return {
    simulator: check("the options", SimulatorOptions, given),
    logRequests: values["log-requests"] === true,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true }).values;
  } catch (cause) {
    throw usageError(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function json(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(`${flag} is not JSON: ${text}`, cause);
  }
}

function check<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw usageError(`simulate: ${what}: ${z.prettifyError(result.error)}`);
}

function usageError(message: string, cause?: unknown): LlmbenchError {
  return new LlmbenchError("SIMULATOR_USAGE", message, {
    exitStatus: ExitStatus.usage,
    hint: "`llmbench simulate --help` lists the options.",
    cause,
  });
}

/** Engine whose invented profile fits a dialect. */
function kindOf(dialect: SimulatorDialect): EngineKind {
  if (dialect.startsWith("vllm")) return "vllm";
  if (dialect.startsWith("sglang")) return "sglang";
  if (dialect.startsWith("nim")) return "nim";
  return dialect.startsWith("llama") ? "llamacpp" : "tgi";
}
