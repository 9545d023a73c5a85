import { openai } from "../engines/openai.ts";
import type { EngineContainer, EngineSpec, RequestDialect } from "../engines/spec.ts";
import { demand } from "./demand.ts";

/** What a file must say of an engine of its own; anything else of an EngineSpec may be said as well. */
export interface EngineDefinition
  extends Partial<Omit<EngineSpec, "kind" | "args" | "container" | "dialect">> {
  /** Its name in configs: lower-case letters and digits. */
  readonly kind: string;
  /** Its arguments, after the command: `{host}` and `{port}` are filled in. */
  readonly args: EngineSpec["args"];
  /** How it wants to be asked. Default: the OpenAI API and nothing else, so that output lengths are not forced. */
  readonly dialect?: Partial<RequestDialect> | EngineSpec["dialect"];
  /** Its container. Without one it runs on one machine only. */
  readonly container?: Partial<EngineContainer> & Pick<EngineContainer, "command" | "image">;
}

/**
 * An engine of one's own, with a default for all that is not said. Throws PLUGIN_INVALID where something is missing or
 * is of the wrong type: what a plugin exports was checked by nobody.
 */
export function defineEngine(definition: EngineDefinition): EngineSpec {
  demand(typeof definition === "object" && definition !== null, "an engine: a mapping with kind and args");
  const { kind, container, dialect, ...given } = definition;
  demand(typeof kind === "string" && /^[a-z][a-z0-9]*$/.test(kind), "`kind`: lower-case letters and digits");
  demand(typeof given.args === "function", "`args`: a function");
  demand(container === undefined || isContainer(container), "`container`: functions `image` and `command`");
  const startTimeout = given.defaultStartTimeoutSeconds ?? 900;
  const readiness = given.readiness ?? (() => ({ path: "/health", timeoutSeconds: 10 }));
  return {
    title: kind,
    homepage: "",
    settings: [],
    defaultStartTimeoutSeconds: startTimeout,
    defaultStopTimeoutSeconds: 30,
    metrics: { path: "/metrics", names: {} },
    env: () => ({}),
    environment: [],
    simulatedAs: "vllm",
    ...given,
    kind,
    readiness,
    dialect: typeof dialect === "function" ? dialect : () => ({ ...openai, name: kind, ...dialect }),
    container: {
      // Without words of its own, the image is to know how it starts.
      isEntryPoint: container === undefined,
      port: 8000,
      readOnlyRoot: false,
      writable: [{ path: "/cache", medium: "disk" }],
      env: {},
      resources: { cpu: 4, memoryGi: 24, sharedMemory: "16Gi" },
      startTimeoutSeconds: Math.max(startTimeout, 1800),
      alive: (version) => readiness(version).path,
      image: () => undefined,
      command: () => [],
      ...container,
    },
  };
}

function isContainer(container: object): boolean {
  return ["image", "command"].every(
    (key) => typeof (container as Record<string, unknown>)[key] === "function",
  );
}
