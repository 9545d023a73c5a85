import { z } from "zod";
import { StepPlace } from "../config/plan.ts";
import { LlmbenchError } from "../error.ts";
import { demand } from "./demand.ts";

/** What a node of a workflow and a table of the report show as it stands. */
export type PlainValue = string | number | boolean | null;

/** One answer of the cell's server. Times are milliseconds from when the request went to the socket. */
export interface Answer {
  readonly text: string;
  /** What the server thought aloud, where it sends that apart. */
  readonly reasoning?: string;
  readonly finish?: string;
  readonly ttftMs?: number;
  readonly e2eMs?: number;
  readonly tokens: { readonly prompt?: number; readonly output?: number };
}

/** The cell that a step is about, and what it may do with it. */
export interface StepCell {
  readonly id: string;
  readonly variant: string;
  readonly engine: string;
  readonly engineVersion: string;
  readonly model: { readonly id: string; readonly servedName: string };
  /** The numbers say nothing about any engine: a simulator answers. */
  readonly simulated: boolean;
  /** The cell's server, which answers and, after `warmup`, is warm. */
  readonly server: { readonly url: string; readonly instance: string };
  /** A folder of the step's own in the run folder: empty, and kept. */
  readonly folder: string;
  /** Aborted when the run is to stop. */
  readonly signal: AbortSignal;
  /** Asks the server as the cell's requests do, but lets it end when it wants. Throws STEP_REQUEST_FAILED. */
  ask(prompt: string, options: { readonly maxTokens: number }): Promise<Answer>;
  /** A word on what is being done, for whoever watches. */
  note(text: string): void;
}

type OutputSchema = z.ZodObject<Readonly<Record<string, z.ZodType<PlainValue>>>>;

/** What a file must say of a step of its own. */
export interface StepDefinition<Input extends z.ZodType, Output extends OutputSchema> {
  /** Its name in configs, workflows and run folders: lower-case letters, digits and -, at most 40. */
  readonly name: string;
  /** The step of a cell that it comes after. */
  readonly after: StepPlace;
  /** What a config may say under `steps.<name>`. Default: nothing. */
  readonly input?: Input;
  /** What it finds, by name: plain values, in 4000 bytes. Anything larger belongs into a file in the cell's folder. */
  readonly output: Output;
  /** What its pod asks for on a cluster; the memory is also its limit. Default: 200m and 512Mi. */
  readonly resources?: { readonly cpu?: string; readonly memory?: string };
  /** Does it. Run again, also after it was cut short, it must end the same: its folder is empty each time. */
  run(input: z.output<Input>, cell: StepCell): Promise<z.output<Output>>;
}

/** A step of a plugin, whatever it takes and gives. */
export interface PluginStep {
  readonly name: string;
  readonly after: StepPlace;
  readonly input: z.ZodType;
  /** Names of what it puts out. */
  readonly outputs: readonly string[];
  readonly resources: { readonly cpu: string; readonly memory: string };
  /** Throws STEP_OUTPUT_INVALID, and what the step itself throws. */
  run(input: unknown, cell: StepCell): Promise<Readonly<Record<string, PlainValue>>>;
}

const longestOutputBytes = 4000;

/** A step of one's own. Throws PLUGIN_INVALID where something is missing or is of the wrong type. */
export function defineStep<Input extends z.ZodType, Output extends OutputSchema>(
  definition: StepDefinition<Input, Output>,
): PluginStep {
  const { name, after, output, resources = {} } = definition;
  const input: z.ZodType = definition.input ?? nothing;
  const { cpu = "200m", memory = "512Mi" } = resources;
  const step = `step ${JSON.stringify(name)}:`;
  demand(
    typeof name === "string" && /^[a-z][a-z0-9-]{0,39}$/.test(name),
    `${step} a \`name\` of lower-case letters, digits and -, at most 40`,
  );
  demand(
    StepPlace.safeParse(after).success,
    `${step} \`after\` to be one of ${StepPlace.options.join(", ")}`,
  );
  demand(isSchema(input), `${step} \`input\` to be a schema of zod`);
  demand(isSchema(output) && isObject(output.shape), `${step} \`output\` to be z.object of plain values`);
  demand(typeof definition.run === "function", `${step} \`run\` to be a function`);
  demand(/^\d+(\.\d+)?m?$/.test(cpu), `${step} \`resources.cpu\` to be CPUs such as "500m" or "2"`);
  demand(/^\d+[MG]i$/.test(memory), `${step} \`resources.memory\` to be a size such as "512Mi" or "2Gi"`);
  const outputs = Object.keys(output.shape);
  for (const key of outputs)
    demand(
      /^[a-z][A-Za-z0-9]{0,62}$/.test(key) && key !== "server",
      `${step} the output ${JSON.stringify(key)} to have a name in letters and digits, other than server`,
    );
  return {
    name,
    after,
    input,
    outputs,
    resources: { cpu, memory },
    run: async (given, cell) => {
      const taken = (await input.parseAsync(given)) as z.output<Input>;
      return checkOutput(name, output, await definition.run(taken, cell));
    },
  };
}

const nothing = z.strictObject({});

function checkOutput(
  name: string,
  schema: OutputSchema,
  given: unknown,
): Readonly<Record<string, PlainValue>> {
  const checked = schema.safeParse(given);
  if (!checked.success)
    throw badOutput(
      name,
      checked.error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.message}`),
    );
  const bytes = Buffer.byteLength(JSON.stringify(checked.data));
  if (bytes > longestOutputBytes)
    throw badOutput(name, [
      `they are ${bytes} bytes, ${longestOutputBytes} at most: write what is larger to a file in the cell's folder`,
    ]);
  return checked.data;
}

function badOutput(name: string, details: readonly string[]): LlmbenchError {
  return new LlmbenchError("STEP_OUTPUT_INVALID", `step ${name}: its outputs are not what it says they are`, {
    hint: "it is a step of a plugin, not of llmbench: its `output` and what its `run` returns must agree",
    details,
  });
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

// A plugin may bring a zod of its own.
const isSchema = (value: unknown): boolean =>
  isObject(value) && "safeParse" in value && typeof value.safeParse === "function";
