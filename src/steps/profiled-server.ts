import { createHash, randomBytes } from "node:crypto";
import type { ProfilingPlan } from "../config/cluster-plan.ts";
import { isSecretName } from "../engines/inherited-environment.ts";
import type { ResolvedServer } from "../engines/resolved-server.ts";
import { LlmbenchError } from "../error.ts";
import { imageFolder, launchWords, nsysProgram } from "../profiling/nsys-words.ts";
import { secretVariables } from "../profiling/withheld.ts";
import type { ContainerSpec, ServerSpec } from "../servers/server.ts";

/** The measured server started under nsys. */
export interface ProfiledServer {
  readonly resolved: ResolvedServer;
  readonly nsys: string;
  readonly session: string;
  /** Variables that it is started without: a profile keeps the environment of what it records. */
  readonly withheld: readonly string[];
  /** What the image was taken to start by itself, where the config says no command. */
  readonly assumed: string | undefined;
  /** Nothing but the server's own processes is seen by nsys. */
  readonly isolated: boolean;
}

/**
 * The same server with its command under `nsys launch` and without secrets in its environment. Another spec, so that the
 * back end starts it in place of the measured one. `isolation`: words before a process's command that keep the rest of
 * the machine out of the report. Throws PROFILE_COMMAND_UNKNOWN.
 */
export function profiledServer(
  measured: ResolvedServer,
  profiling: ProfilingPlan,
  environment: NodeJS.ProcessEnv,
  isolation: readonly string[],
): ProfiledServer {
  const { spec } = measured;
  const { container } = spec;
  const nsys = nsysProgram(profiling.source, container?.modelsMount);
  // nsys goes on listing sessions that are over, and takes the first of a name: each try has one of its own.
  const session = `llmbench-${randomBytes(6).toString("hex")}`;
  const under = (command: readonly string[]) => launchWords(nsys, session, profiling.trace, command);
  const secret = new Set([...spec.secretEnv, ...secretVariables(spec.env, isSecretName)]);
  const inherited = container === undefined ? secretVariables(environment, isSecretName) : [];
  const command = [...isolation, ...under(spec.command)];
  const profiled: ServerSpec = {
    ...spec,
    command,
    env: Object.fromEntries(Object.entries(spec.env).filter(([name]) => !secret.has(name))),
    secretEnv: [],
    withoutEnv: [...new Set([...(spec.withoutEnv ?? []), ...secret, ...inherited])].sort(),
    specHash: hashOf(spec.specHash, ...command),
    ...(container === undefined ? {} : { container: underNsys(spec.cellId, container, profiling, under) }),
  };
  return {
    resolved: { ...measured, spec: profiled, profiler: "nsys" },
    nsys,
    session,
    withheld: profiled.withoutEnv ?? [],
    assumed: container?.command === undefined ? container?.entryPoint?.join(" ") : undefined,
    isolated: container !== undefined || isolation.length > 0,
  };
}

/** nsys and its files need a folder for temporary files, and nsys itself where an image brings it. */
function underNsys(
  cell: string,
  container: ContainerSpec,
  { source }: ProfilingPlan,
  under: (command: readonly string[]) => readonly string[],
): ContainerSpec {
  const { command = container.entryPoint, writable } = container;
  if (command === undefined) {
    throw new LlmbenchError(
      "PROFILE_COMMAND_UNKNOWN",
      `${cell}: what its image starts by itself is not known`,
      {
        hint: "give the server's `command` in the config: nsys has to start it",
      },
    );
  }
  const hasTmp = writable.some(({ path }) => path === "/tmp");
  return {
    ...container,
    command: under(command),
    secretEnv: {},
    writable: hasTmp ? writable : [...writable, { path: "/tmp", medium: "disk" }],
    ...(source.kind === "image"
      ? {
          tool: {
            image: source.image,
            pullPolicy: "IfNotPresent",
            from: source.folder,
            to: imageFolder,
          },
        }
      : {}),
  };
}

function hashOf(...parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}
