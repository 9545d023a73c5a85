import { startSimulator } from "../../src/simulator/server.ts";

/** A simulator in a process of its own: its options as JSON; prints its URL; ends with its parent. */
const simulator = await startSimulator(
  JSON.parse(process.argv[2] ?? "{}") as Parameters<typeof startSimulator>[0],
);
await simulator.ready;
process.stdout.write(`${simulator.url}\n`);
process.stdin.resume();
process.stdin.once("end", () => process.exit(0));
