import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./bench-server.ts";
import { runClient } from "./client-run.ts";

const run = promisify(execFile);
/** Has Node say how much memory it ever had, kB, as the last thing it does. */
const sayMemory = `data:text/javascript,${encodeURIComponent(
  'process.on("exit", () => process.stderr.write("\\n" + process.resourceUsage().maxRSS))',
)}`;

export interface Startup {
  /** From the start of the program to its first request for an answer, ms, a number each round. */
  readonly bareMs: readonly number[];
  readonly oursMs: readonly number[];
  /** The most memory that `llmbench bench` had in the whole of its run, MB. */
  readonly oursMb: readonly number[];
}

/** `llmbench bench` as a user starts it, of a short load, beside the bare undici client. */
export async function measureStartup(
  client: string,
  nullServer: string,
  folder: string,
  rounds: number,
): Promise<Startup> {
  const server = await startServer(nullServer, [4, 1000]);
  const main = fileURLToPath(new URL("../dist/llmbench.mjs", import.meta.url));
  const load = ["--concurrency", "1", "--max-tokens", "4", "--requests", "5", "--fail-on", "never"];
  const words = ["bench", `http://127.0.0.1:${server.port}`, ...load, "--out", folder];
  const bareMs: number[] = [];
  const oursMs: number[] = [];
  const oursMb: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await server.counts();
    let begunMs = Date.now();
    await runClient(client, "bare", server.port, { streams: 1, tokens: 4 }, 1);
    bareMs.push((await server.counts()).firstRequestMs - begunMs);
    begunMs = Date.now();
    const { stderr } = await run(process.execPath, [
      "--import",
      sayMemory,
      main,
      ...words,
      "--id",
      `${round}`,
    ]);
    oursMs.push((await server.counts()).firstRequestMs - begunMs);
    oursMb.push(Number(stderr.split("\n").at(-1)) / 1000);
  }
  await server.stop();
  return { bareMs, oursMs, oursMb };
}
