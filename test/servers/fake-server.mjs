// A server process for tests. Words after --port say how it behaves.
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const args = process.argv.slice(2);
const has = (name) => args.includes(name);
const valueOf = (name) => args[args.indexOf(name) + 1];
const port = Number(valueOf("--port"));

// The file gets a letter a start; the port is "taken" until it holds so many.
if (has("--starts")) {
  appendFileSync(valueOf("--starts"), "x");
  if (readFileSync(valueOf("--starts")).length <= Number(valueOf("--taken"))) {
    console.error("OSError: [Errno 98] Address already in use");
    process.exit(1);
  }
}
if (has("--say")) console.error(valueOf("--say"));
if (has("--exit")) process.exit(Number(valueOf("--exit")));
if (has("--kill-itself")) process.kill(process.pid, "SIGKILL");
if (has("--ignore-sigterm")) process.on("SIGTERM", () => console.error("not now"));

// A child in this process group, and one that leaves it; the file gets their ids. --bare: without our environment.
if (has("--children")) {
  const env = has("--bare") ? {} : process.env;
  const idle = ["-e", "setInterval(() => {}, 1000)"];
  const near = spawn(process.execPath, idle, { env, stdio: "ignore" });
  const far = spawn(process.execPath, idle, { env, stdio: "ignore", detached: true });
  writeFileSync(valueOf("--children"), JSON.stringify([near.pid, far.pid]));
}

// Tells the test its port and does not listen on the first time, so that a stranger can.
let listens = true;
if (has("--tell")) listens = (await (await fetch(`${valueOf("--tell")}/${port}`)).text()) === "listen";

const server = createServer((request, response) => {
  if (request.url === "/crash") process.exit(3);
  response.writeHead(has("--never") ? 503 : 200);
  response.end(request.url === "/env" ? process.env[valueOf("--show")] : "{}");
});
if (listens) server.listen(port, "127.0.0.1");
else setInterval(() => {}, 1000);
