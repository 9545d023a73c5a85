import { parentPort } from "node:worker_threads";
import { WorkerSide } from "./worker-side.ts";

/** What a worker thread runs: all that it is told comes over its port. */
if (parentPort !== null) new WorkerSide(parentPort).listen();
