// An llmbench that starts a server and then only waits, so that a test can kill it.
import { ProcessBackend } from "../../src/servers/process.ts";
import { completes, never } from "./completes.ts";

const [registryFolder = "", logPath = "", spec = "{}"] = process.argv.slice(2);
const backend = new ProcessBackend({ logPath: () => logPath, registryFolder });
const parsed = JSON.parse(spec);
await backend.ensure(parsed);
const { server } = await backend.waitReady(parsed, completes, never);
console.log(server.pid);
setInterval(() => {}, 1000);
