#!/usr/bin/env node
// Behaves as nsys 2024 does towards who calls it, with recorded and synthetic tables; FAKE_NSYS says what goes wrong.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = join(dirname(process.argv[1]), "..");
const tables = fileURLToPath(new URL("../fixtures/nsys/", import.meta.url));
const wrong = process.env.FAKE_NSYS ?? "";
const [command, ...args] = process.argv.slice(2);
const option = (name) => args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const sessionFile = (name) => join(home, `session-${name}.json`);
const readSession = (name) => JSON.parse(readFileSync(sessionFile(name), "utf8"));
const writeSession = (name, value) => writeFileSync(sessionFile(name), JSON.stringify(value));

const cuda = {
  cuda_gpu_kern_sum: "recorded-decode/cuda_gpu_kern_sum.csv",
  cuda_api_sum: "recorded-prefill/cuda_api_sum.csv",
  cuda_gpu_mem_time_sum: "synthetic/cuda_gpu_mem_time_sum.csv",
  cuda_gpu_mem_size_sum: "synthetic/cuda_gpu_mem_size_sum.csv",
  cuda_gpu_trace: "synthetic/cuda_gpu_trace.csv",
};
const others = { nvtx_sum: "synthetic/nvtx_sum.csv", osrt_sum: "recorded-cpu/osrt_sum.csv" };

if (command === "--version") {
  console.log("NVIDIA Nsight Systems version 2024.6.2.225-246235244400v0");
} else if (command === "launch") {
  const session = option("session-new");
  const server = args.filter((word) => !word.startsWith("--session-new=") && !/^--(trace|cuda|wait)/.test(word));
  mkdirSync(home, { recursive: true });
  writeSession(session, { state: "Launched", env: process.env, command: server });
  if (wrong === "launch") {
    console.error("unrecognised option '--cuda-graph-trace=node'");
    process.exit(1);
  }
  const child = spawn(server[0], server.slice(1), { stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code) => {
    rmSync(sessionFile(session), { force: true });
    process.exit(code ?? 1);
  });
} else if (command === "sessions") {
  console.log("              ID         TIME                       STATE LAUNCH NAME");
  const name = process.env.FAKE_NSYS_SESSION;
  if (name !== undefined && existsSync(sessionFile(name)) && wrong !== "no-session") {
    console.log(`         1025491        00:02                  ${readSession(name).state}      1 ${name}`);
  }
} else if (command === "start") {
  const session = readSession(option("session"));
  if (wrong !== "start") writeSession(option("session"), { ...session, state: "Collection", file: option("output") });
} else if (command === "stop") {
  const session = readSession(option("session"));
  if (wrong !== "no-report") {
    // A report keeps the environment that it was made in.
    writeFileSync(`${session.file}.nsys-rep`, JSON.stringify({ launched: session.env, stopped: process.env }));
    writeFileSync(`${session.file}.sqlite`, wrong === "secret" ? "SOME_API_KEY=sk-of-this-shell" : "SQLite format 3");
  }
  writeSession(option("session"), { ...session, state: "Launched" });
} else if (command === "stats") {
  const report = args[args.indexOf("--report") + 1];
  const table = wrong === "no-cuda" ? others[report] : { ...cuda, ...others }[report];
  if (wrong === "silent" && report === "cuda_api_sum") process.exit(0);
  console.log(`Processing [server.sqlite] with [${report}.py]... `);
  if (table !== undefined) process.stdout.write(readFileSync(join(tables, table)));
  else if (report in cuda) console.log("SKIPPED: server.sqlite does not contain CUDA data.");
  else console.log(`ERROR: Report '${report}' could not be found.`);
}
