// A container that does not say what it runs
import { container } from "../../../src/argo/index.ts";

// @ts-expect-error
container("build", {}, (c) => c.run({ image: "node:24" }));
