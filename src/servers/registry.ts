import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { LlmbenchError } from "../error.ts";
import { Startup } from "../results/schema/server.ts";

const Identity = z.object({ pid: z.number().int(), started: z.string() });

/**
 * What is written down of a server process before it can be lost, so that the next llmbench can end what a dead one
 * left behind. Holds no secret. Fields that a later version adds are passed over.
 */
export const RegistryEntry = z.object({
  schemaVersion: z.literal(1),
  runId: z.string(),
  cellId: z.string(),
  specHash: z.string(),
  instance: z.string(),
  /** Also in the server's environment, as LLMBENCH_SERVER_TOKEN: proof that a process is ours. */
  token: z.string(),
  host: z.string(),
  bootId: z.string(),
  /** The process that was started: leader of its own process group and session. */
  process: Identity,
  /** Processes of the server that were seen: they stay known when they leave the group or rename themselves. */
  members: z.array(Identity),
  /** The llmbench that started it. */
  owner: Identity,
  command: z.array(z.string()),
  port: z.number().int(),
  logPath: z.string(),
  /** Where this process's part of the log begins, bytes. */
  logOffset: z.number().int(),
  stopTimeoutSeconds: z.number(),
  /** Wall clock, ms since the epoch: when its deployment began, and when it was started. */
  deployedAtMs: z.number(),
  startedAtMs: z.number(),
  /** Times that it was started again with the same spec after it had died. */
  restarts: z.number().int(),
  /** Set once it was ready. */
  startup: Startup.optional(),
  /** Set once it has exited, where we saw it. */
  exit: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).optional(),
});
export type RegistryEntry = z.infer<typeof RegistryEntry>;

export type ServerKey = Pick<RegistryEntry, "runId" | "cellId">;

/** A folder with one file a server. Every write is a rename, so a file is never half there. */
export class Registry {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Throws SERVER_NOT_REGISTERED where the folder cannot be written. */
  write(entry: RegistryEntry): void {
    const path = this.#path(entry);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      writeFileSync(temporary, `${JSON.stringify(entry, null, 1)}\n`, { mode: 0o600 });
      renameSync(temporary, path);
    } catch (error) {
      removeQuietly(temporary);
      throw new LlmbenchError(
        "SERVER_NOT_REGISTERED",
        `Cannot write down the server of ${entry.cellId} in ${this.folder}: ${error instanceof Error ? error.message : String(error)}`,
        {
          hint: "A server starts only once it is written down there, so that none is ever lost: free some space, or set LLMBENCH_CACHE to a folder that you can write.",
          cause: error,
        },
      );
    }
  }

  read(key: ServerKey): RegistryEntry | undefined {
    const entry = readEntry(this.#path(key));
    return entry?.host === hostname() ? entry : undefined;
  }

  /** Servers of this host; the folder may be shared with others. */
  list(): RegistryEntry[] {
    return readNames(this.folder)
      .filter((name) => name.endsWith(".json"))
      .flatMap((name) => readEntry(join(this.folder, name)) ?? [])
      .filter((entry) => entry.host === hostname());
  }

  remove(key: ServerKey): void {
    rmSync(this.#path(key), { force: true });
  }

  #path({ runId, cellId }: ServerKey): string {
    const digest = createHash("sha256")
      .update(`${hostname()}\n${runId}\n${cellId}`)
      .digest("hex")
      .slice(0, 16);
    const readable = `${runId}--${cellId}`.replace(/[^\w.-]+/g, "_").slice(0, 80);
    return join(this.folder, `${readable}.${digest}.json`);
  }
}

function readEntry(path: string): RegistryEntry | undefined {
  try {
    return RegistryEntry.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined; // gone meanwhile, or of another version of llmbench
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be written there is nothing to remove.
  }
}
