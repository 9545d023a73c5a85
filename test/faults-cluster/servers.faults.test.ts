import { afterEach, describe } from "vitest";
import { onOneNode } from "./fault-config.ts";
import { nodeSockets, tagImage, untagImage } from "./images.ts";
import { itHeals } from "./one-cell.ts";
import { missing } from "./place.ts";
import { behaving, fromImage } from "./simulate.ts";

const image = process.env["LLMBENCH_IMAGE"] ?? "";
const forgotten = "localhost/llmbench-forgotten:1";

describe.skipIf(missing !== undefined)("a server that fails", () => {
  // A proof, a warm-up request and the six of `quick` it answers, and of `long` some; `long` alone it can answer.
  itHeals({
    fault: "server crashes during a point",
    config: {
      name: "server-crash",
      cluster: onOneNode,
      change: behaving("vllm", { process: { exit: { afterRequests: 11 } } }),
    },
    strikes: "vllm",
    step: "sweep",
    says: [/exited with status 1/, /what to do: /],
    finishedBefore: 1,
  });

  // Its 256 MiB hold the simulator (50 to 90 MiB) and nine to eleven of these; the retry's server, of `long` alone, answers eight.
  itHeals({
    fault: "server OOM-killed during a point",
    config: {
      name: "server-oom",
      cluster: onOneNode,
      change: behaving("vllm", { process: { leak: { mebibytesPerRequest: 18 } } }),
    },
    strikes: "vllm",
    step: "sweep",
    says: [/more than its 256Mi of memory \(OOMKilled\)/, /what to do: /],
    finishedBefore: 1,
  });

  // Refused are three requests that come late in a server's life; one that only answers `long` does not get so old.
  itHeals({
    fault: "invalid verdict",
    config: {
      name: "invalid-verdict",
      cluster: onOneNode,
      change: behaving("vllm", {
        rules: [{ when: { from: 10, to: 12 }, effects: { reject: { status: 500 } } }],
      }),
    },
    strikes: "vllm",
    step: "sweep",
    says: [/VERDICT_FAILED/, /requests failed/, /what to do: /],
    finishedBefore: 1,
  });
});

describe.skipIf(missing !== undefined || nodeSockets.length === 0)("an image that is not there", () => {
  afterEach(() => untagImage(forgotten));

  itHeals({
    fault: "server image missing",
    config: { name: "image-missing", cluster: onOneNode, change: fromImage("vllm", forgotten) },
    strikes: "vllm",
    step: "wait-healthy",
    says: [/SERVER_IMAGE_UNAVAILABLE/, /llmbench-forgotten/, /what to do: /],
    cure: () => tagImage(image, forgotten),
  });
});
