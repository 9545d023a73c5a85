// A body that runs nothing
import { container } from "../../../src/argo/index.ts";

// @ts-expect-error
container("build", {}, (c) => ({ image: c.podName, command: ["make"] }));
